using Twins.Packets;

namespace Twins.Capture;

/// <summary>What the headers of a packet say.</summary>
/// <param name="Protocol">Of the transport layer.</param>
/// <param name="Source">Its source; the port is 0 where there is none.</param>
/// <param name="Destination">Its destination, likewise.</param>
public sealed record PacketFacts(IpProtocol Protocol, Endpoint Source, Endpoint Destination)
{
    /// <summary>Octets from the IP header on, as the header says.</summary>
    public int Length { get; init; }

    /// <summary>IPv4's identification; 0 with IPv6.</summary>
    public ushort Identification { get; init; }

    /// <summary>Octets of data behind the transport header, whether they were captured or not.</summary>
    public int PayloadLength { get; init; }

    /// <summary>A fragment that isn't the first: it has no ports.</summary>
    public bool IsLaterFragment { get; init; }

    /// <summary>TCP's control bits.</summary>
    public TcpFlags Flags { get; init; }

    /// <summary>Number of the first octet.</summary>
    public SequenceNumber Sequence { get; init; }

    /// <summary>The next octet that the sender expects.</summary>
    public SequenceNumber Acknowledgment { get; init; }

    /// <summary>TCP's window, not scaled.</summary>
    public ushort Window { get; init; }

    /// <summary>ICMP's type and code.</summary>
    public (byte Type, byte Code) Icmp { get; init; }

    /// <summary>The packet that an ICMP error is about.</summary>
    public FiveTuple? Quoted { get; init; }

    /// <summary>Whether it is a whole TCP segment or its first fragment.</summary>
    public bool IsTcp => Protocol == IpProtocol.Tcp && !IsLaterFragment;

    /// <summary>Protocol and ends as the packet carries them.</summary>
    public FiveTuple Tuple => new(Protocol, Source, Destination);

    /// <summary>What the segment takes of the sequence space (SEG.LEN of RFC 9293, 3.3.1).</summary>
    public int SequenceLength => PayloadLength + (Has(TcpFlags.Syn) ? 1 : 0) + (Has(TcpFlags.Fin) ? 1 : 0);

    /// <summary>Whether a control bit is set.</summary>
    public bool Has(TcpFlags flag) => (Flags & flag) != 0;

    /// <summary>The same packet between other ends: the transport header's other fields stay in a rewrite.</summary>
    public PacketFacts Between(Endpoint source, Endpoint destination) => this with { Source = source, Destination = destination };
}
