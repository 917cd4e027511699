namespace Twins.Manager.Access;

/// <summary>Who called the local API, in the system's words, and what it may.</summary>
/// <param name="Name">For the log.</param>
/// <param name="Pid">The process that made the connection; 0: the system doesn't tell.</param>
/// <param name="MayRead">It is one of the readers.</param>
/// <param name="MayChange">It may do everything, reading too.</param>
internal sealed record LocalCaller(string Name, int Pid, bool MayRead, bool MayChange);
