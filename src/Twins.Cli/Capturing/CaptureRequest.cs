using Twins.Packets;

namespace Twins.Cli.Capturing;

/// <summary>What the user asked <c>twins capture</c> for.</summary>
internal sealed record CaptureRequest
{
    /// <summary>Name or PID; empty: everything.</summary>
    public string Process { get; init; } = "";

    /// <summary>Another node; empty: this one.</summary>
    public string Node { get; init; } = "";

    /// <summary>Empty: all.</summary>
    public string Interface { get; init; } = "";

    /// <summary>Of pcap-filter(7); empty: none.</summary>
    public string Filter { get; init; } = "";

    /// <summary>Packets after which it ends; null: it doesn't.</summary>
    public long? Count { get; init; }

    /// <summary>Time after which it ends; null: it doesn't.</summary>
    public TimeSpan? Duration { get; init; }

    /// <summary>File to write; empty: none.</summary>
    public string WritePath { get; init; } = "";

    /// <summary>File to read; empty: packets are captured.</summary>
    public string ReadPath { get; init; } = "";

    /// <summary>An end of the one connection to show, or both; empty: all connections.</summary>
    public IReadOnlyList<Endpoint> Follow { get; init; } = [];

    public bool Payload { get; init; }

    public bool Json { get; init; }
}
