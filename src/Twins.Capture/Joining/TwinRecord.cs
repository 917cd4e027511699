using Twins.Packets;

namespace Twins.Capture;

/// <summary>What a twin told of one packet.</summary>
/// <param name="Nanoseconds">When, since 1970 (UTC).</param>
/// <param name="Process">The mobile process's name; empty: nobody's.</param>
/// <param name="Verdict">What it did.</param>
/// <param name="Octets">The packet as it came, IP header first; without payload unless that was asked for.</param>
/// <param name="Length">Octets that it had.</param>
public sealed record TwinRecord(long Nanoseconds, string Process, TwinVerdict Verdict, ReadOnlyMemory<byte> Octets, int Length)
{
    /// <summary>Why it was dropped; empty if it wasn't.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Where it came from.</summary>
    public PathLeg Leg { get; init; }

    /// <summary>Where it went.</summary>
    public PathLeg NextLeg { get; init; }

    /// <summary>What it was rewritten to; null: it wasn't. An ICMP error's ends have the port 0.</summary>
    public Endpoint? Source { get; init; }

    /// <inheritdoc cref="Source"/>
    public Endpoint? Destination { get; init; }
}
