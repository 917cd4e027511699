namespace Twins.Table;

/// <summary>The twin that serves a process on this node.</summary>
/// <param name="Id">Its name in the pool.</param>
/// <param name="Pid">Process identifier on this node.</param>
/// <param name="Queue">NFQUEUE number that its packets are diverted to.</param>
/// <param name="ControlPath">Path of the Unix socket that it takes commands on.</param>
public sealed record TwinRecord(string Id, int Pid, ushort Queue, string ControlPath);
