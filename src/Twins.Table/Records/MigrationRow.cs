using System.Collections.Immutable;

namespace Twins.Table;

/// <summary>One migration as one node took part in it: what two-phase commit needs after a crash, and history.</summary>
public sealed record MigrationRow
{
    /// <summary>The same on the nodes that it leaves and arrives at; nobody tells it its home, whose row has another.</summary>
    public required string MigrationId { get; init; }

    /// <summary>What this node is to it. Identifier and role are the key.</summary>
    public required MigrationRole Role { get; init; }

    /// <summary>The process that moves.</summary>
    public required string ProcessId { get; init; }

    /// <summary>The epoch after the commit.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>Name of the node at the other end; at home, of the one that it arrived at.</summary>
    public required string Peer { get; init; }

    /// <summary>At home, name of the node that it left; elsewhere, and in rows of an earlier version, empty.</summary>
    public string Left
    {
        get => field ?? "";
        init;
    }
    = "";

    /// <summary>Step that it is in or ended in, such as <c>transfer</c>.</summary>
    public string Phase { get; init; } = "";

    /// <summary>How it stands. A final outcome is never overwritten by another.</summary>
    public MigrationOutcome Outcome { get; init; }

    /// <summary>When it began; set by the store if left out.</summary>
    public DateTimeOffset Started { get; init; }

    /// <summary>When it was decided; set by the store with a final outcome if left out.</summary>
    public DateTimeOffset? Ended { get; init; }

    /// <summary>Cause and remedy of a failure.</summary>
    public string Message { get; init; } = "";

    /// <summary>Steps that have ended and how long each took, in order; only at the node that the process left, and in no row of an earlier version.</summary>
    public ImmutableArray<MigrationStep> Steps
    {
        get => field.IsDefault ? [] : field;
        init;
    }
    = [];

    /// <summary>How long the process was frozen; zero: it wasn't, or only the node that it left knows.</summary>
    public TimeSpan Frozen { get; init; }

    /// <summary>How long packets were held; zero: they weren't, or this node doesn't know.</summary>
    public TimeSpan Hold { get; init; }

    /// <summary>Packets held meanwhile.</summary>
    public ulong HeldPackets { get; init; }

    /// <summary>Bytes of those.</summary>
    public ulong HeldBytes { get; init; }

    /// <summary>Whether the outcome can't change any more.</summary>
    public bool IsDecided => Outcome is MigrationOutcome.Committed or MigrationOutcome.Aborted or MigrationOutcome.RolledBack;
}
