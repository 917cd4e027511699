using System.Security.Cryptography;

namespace Twins.Packets;

/// <summary>What identifies a packet's flow: protocol, source and destination, as the packet carries them.</summary>
public readonly record struct FiveTuple(IpProtocol Protocol, Endpoint Source, Endpoint Destination)
{
    /// <summary>The tuple of the packets that answer.</summary>
    public FiveTuple Reversed => new(Protocol, Destination, Source);

    // Peers choose addresses and ports, so the hash is keyed: nobody outside can aim at one bucket.
    private static readonly ulong Key1 = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
    private static readonly ulong Key2 = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    /// <summary>A hash keyed per process of this program: it differs from run to run and must not be stored.</summary>
    public override int GetHashCode()
    {
        var ports = (ulong)Source.Port << 24 | (ulong)Destination.Port << 8 | (byte)Protocol;
        ulong hash;
        if (Source.Address.IsIPv4)
        {
            hash = Mix((Source.Address.Low << 32 | Destination.Address.Low & 0xFFFFFFFF) ^ Key1, ports ^ Key2);
        }
        else
        {
            hash = Mix(Source.Address.High ^ Key1, Source.Address.Low ^ Key2);
            hash = Mix(hash ^ Destination.Address.High, Destination.Address.Low ^ Key1);
            hash = Mix(hash ^ ports, Key2);
        }

        hash = Mix(hash ^ Key2, 0x9E3779B97F4A7C15);
        return (int)(hash ^ hash >> 32);
    }

    /// <summary>Same protocol, ends and families.</summary>
    public bool Equals(FiveTuple other) =>
        Source.Port == other.Source.Port && Destination.Port == other.Destination.Port && Protocol == other.Protocol
        && Source.Address.Low == other.Source.Address.Low && Destination.Address.Low == other.Destination.Address.Low
        && Source.Address.High == other.Source.Address.High && Destination.Address.High == other.Destination.Address.High
        && Source.Address.IsIPv4 == other.Source.Address.IsIPv4 && Destination.Address.IsIPv4 == other.Destination.Address.IsIPv4;

    private static ulong Mix(ulong left, ulong right)
    {
        var high = Math.BigMul(left, right, out var low);
        return high ^ low;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Protocol} {Source} -> {Destination}";
}
