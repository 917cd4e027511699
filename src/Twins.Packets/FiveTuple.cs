namespace Twins.Packets;

/// <summary>What identifies a packet's flow: protocol, source and destination, as the packet carries them.</summary>
public readonly record struct FiveTuple(IpProtocol Protocol, Endpoint Source, Endpoint Destination)
{
    /// <summary>The tuple of the packets that answer.</summary>
    public FiveTuple Reversed => new(Protocol, Destination, Source);

    /// <inheritdoc/>
    public override string ToString() => $"{Protocol} {Source} -> {Destination}";
}
