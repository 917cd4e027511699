using System.Collections.Immutable;
using Twins.Packets;

namespace Twins.Table;

/// <summary>
/// A mobile process as one node knows it. Its connections are rows of their own
/// (<see cref="ITableStore.ListFlows"/>), because one process may have thousands.
/// </summary>
public sealed record ProcessRecord
{
    /// <summary>The same on every node for the process's whole life, such as <c>p-1f3a9c20</c>.</summary>
    public required string Id { get; init; }

    /// <summary>What users call it; unique in one node's table.</summary>
    public required string Name { get; init; }

    /// <summary>Process identifier; migration keeps it.</summary>
    public required int Pid { get; init; }

    /// <summary>Field 22 of <c>/proc/PID/stat</c> on the node that runs it (proc(5)): clock ticks since boot. Tells a reused PID.</summary>
    public ulong StartTimeTicks { get; init; }

    /// <summary>Path of the program.</summary>
    public string Executable { get; init; } = "";

    /// <summary>Name of the node that its endpoints are bound to.</summary>
    public required string HomeNode { get; init; }

    /// <summary>Addresses of home that endpoints are bound to; the first is the one that a cabin shows.</summary>
    public ImmutableArray<InternetAddress> HomeAddresses { get; init; } = [];

    /// <summary>Name of the node that it runs on, as far as this node knows.</summary>
    public required string CurrentNode { get; init; }

    /// <summary>host:port of that node's API; empty: this node.</summary>
    public string CurrentNodeAddress { get; init; } = "";

    /// <summary>Grows with every migration; a command with a lower one is refused.</summary>
    public ulong Epoch { get; init; }

    /// <summary>What this node knows of it.</summary>
    public ProcessState State { get; init; }

    /// <summary>What this node is to it.</summary>
    public NodeRole Role { get; init; }

    /// <summary>The twin on this node; null while it has none.</summary>
    public TwinRecord? Twin { get; init; }

    /// <summary>File of its standard output, when <c>twins run</c> made one.</summary>
    public string OutputPath { get; init; } = "";

    /// <summary>File of its standard error, when <c>twins run</c> made one.</summary>
    public string ErrorPath { get; init; } = "";

    /// <summary>Name of its cabin on this node, or, where there are none, the node's address that its sockets have; null when it isn't a guest.</summary>
    public string? Cabin { get; init; }

    /// <summary>Listening endpoints.</summary>
    public ImmutableArray<ListenerRecord> Listeners { get; init; } = [];

    /// <summary>Ends N:n of the legs at the host; none while it is at home.</summary>
    public ImmutableArray<Endpoint> HostLegs { get; init; } = [];

    /// <summary>At its home, while it runs elsewhere: until when what its peers send is held by a person's wish; null: it isn't.</summary>
    public DateTimeOffset? PausedUntil { get; init; }

    /// <summary>What a person should know, such as why it is in doubt.</summary>
    public string Note { get; init; } = "";

    /// <summary>When this node first knew it; set by the store if left out.</summary>
    public DateTimeOffset Created { get; init; }

    /// <summary>Last change of the record; set by the store at every write.</summary>
    public DateTimeOffset Updated { get; init; }
}
