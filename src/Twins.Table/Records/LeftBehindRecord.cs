using System.Collections.Immutable;
using Twins.Packets;

namespace Twins.Table;

/// <summary>Connections that a process closed before it left, and that end where they are.</summary>
public sealed record LeftBehindRecord
{
    /// <summary>The process's ID; with <c>~EPOCH</c> behind it for flows of an ID of their own.</summary>
    public required string Id { get; init; }

    /// <summary>What this node is to the connections.</summary>
    public required NodeRole Role { get; init; }

    /// <summary>The epoch in which they were left.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>The connections, with their legs unless home's own stack has them.</summary>
    public required ImmutableArray<FlowRecord> Flows { get; init; }

    /// <summary>Queue of the twin that has their packets; 0 when home's own stack has them.</summary>
    public int Queue { get; init; }

    /// <summary>The other node: at home the former host, there home. Empty when home's own stack has them.</summary>
    public string OtherNode { get; init; } = "";

    /// <summary>Ends N:n of the legs at the former host.</summary>
    public ImmutableArray<Endpoint> HostLegs { get; init; } = [];

    /// <summary>At the former host: the cabin whose stack has them.</summary>
    public string Cabin { get; init; } = "";

    /// <summary>At the former host: the address that the cabin shows.</summary>
    public InternetAddress HomeAddress { get; init; }
}
