namespace Twins.Manager.Migration;

/// <summary>Log lines of a departure.</summary>
internal sealed partial class DepartureLog(ILogger log)
{
    [LoggerMessage(1401, LogLevel.Information, "Migration {Migration}: {Process} goes from {From} to {To}.")]
    public partial void Leaving(string migration, string process, string from, string to);

    [LoggerMessage(1402, LogLevel.Information, "Migration {Migration}: {Process} runs on {To}, epoch {Epoch}.")]
    public partial void Left(string migration, string process, string to, ulong epoch);

    [LoggerMessage(1403, LogLevel.Warning, "Migration {Migration} of {Process} is undone after step {Step}: {Cause}")]
    public partial void Undoing(string migration, string process, string step, string cause);

    [LoggerMessage(1404, LogLevel.Error, "Migration {Migration}: '{What}' could not be undone: {Cause}")]
    public partial void NotUndone(string migration, string what, string cause);

    [LoggerMessage(1405, LogLevel.Warning, "Migration {Migration} of {Process} is in doubt: {Cause}")]
    public partial void InDoubt(string migration, string process, string cause);

    [LoggerMessage(1406, LogLevel.Warning, "Migration {Migration} of {Process} was interrupted by a restart in step {Step}: {Outcome}.")]
    public partial void Recovered(string migration, string process, string step, string outcome);

    [LoggerMessage(1407, LogLevel.Warning, "Migration {Migration} of {Process}: home can't answer for its frozen connections: {Cause}")]
    public partial void FreezeNotTold(string migration, string process, string cause);

    [LoggerMessage(1408, LogLevel.Error, "Migration {Migration}: {Process} runs nowhere: it was said to be gone, and '{To}' never took it over.")]
    public partial void Lost(string migration, string process, string to);
}
