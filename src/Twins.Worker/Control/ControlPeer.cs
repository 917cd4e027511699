namespace Twins.Worker;

/// <summary>Who is at the other end of a control connection, as the system says it.</summary>
/// <param name="User">The number of the user on Linux, the name on Windows.</param>
/// <param name="ProcessId">The process that connected; 0 if it isn't known.</param>
internal readonly record struct ControlPeer(string User, int ProcessId);
