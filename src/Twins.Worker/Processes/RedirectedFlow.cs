using Twins.Packets;
using Twins.Redirection;

namespace Twins.Worker;

/// <summary>A connection and the leg that carries it.</summary>
/// <param name="Connection">The connection.</param>
/// <param name="HomeLeg">H:r.</param>
/// <param name="HostLeg">N:n.</param>
internal readonly record struct RedirectedFlow(ConnectionKey Connection, Endpoint HomeLeg, Endpoint HostLeg)
{
    /// <summary>What goes from home to the host: H:r -> N:n.</summary>
    public FiveTuple ToHost => new(Connection.Protocol, HomeLeg, HostLeg);

    /// <summary>What goes from the host to home: N:n -> H:r.</summary>
    public FiveTuple ToHome => new(Connection.Protocol, HostLeg, HomeLeg);

    /// <summary>The host's end of the leg.</summary>
    public Leg Leg => new(Connection.Protocol, HostLeg);
}
