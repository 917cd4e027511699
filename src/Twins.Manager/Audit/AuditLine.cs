namespace Twins.Manager.Audit;

/// <summary>A line of the audit log, JSON in the file.</summary>
/// <param name="Time">When it ended.</param>
/// <param name="Who">In the system's words: the user, on the page the one whose login it is.</param>
/// <param name="Via"><c>local</c> (the socket, so mostly the CLI) or <c>page</c>.</param>
/// <param name="What">A method of the local API.</param>
/// <param name="Subject">What it was about.</param>
/// <param name="Outcome">done, refused, failed, rolled-back, in-doubt; begun, for what takes its time.</param>
/// <param name="Detail">Cause, where it wasn't done.</param>
internal sealed record AuditLine(DateTimeOffset Time, string Who, string Via, string What, string Subject, string Outcome, string Detail);
