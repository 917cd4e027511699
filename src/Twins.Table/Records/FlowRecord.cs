using Twins.Packets;

namespace Twins.Table;

/// <summary>One connection of a process, and the leg between home and host that carries it when the process is away.</summary>
/// <param name="Connection">As the process sees it: the source is its own end H:p, the destination the peer P:q. The key within a process.</param>
/// <param name="HomeLeg">H:r, picked by home; null while the process is at home.</param>
/// <param name="HostLeg">N:n, picked by the host; null while the process is at home.</param>
public readonly record struct FlowRecord(FiveTuple Connection, Endpoint? HomeLeg = null, Endpoint? HostLeg = null);
