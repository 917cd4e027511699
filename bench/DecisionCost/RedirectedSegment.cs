using System.Buffers.Binary;
using System.Net;
using BenchmarkDotNet.Attributes;
using PacketDotNet;
using PacketDotNet.Utils;
using Twins.Packets;
using Twins.Redirection;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.DecisionCost;

/// <summary>
/// What one segment of a redirected connection costs at home, without getting and sending it: read, found among the flows, its
/// addresses and ports changed, its checksums right. Against a copy of the segment, which any relay makes, and against the same
/// done with PacketDotNet and a dictionary. Each starts from a fresh copy.
/// </summary>
[MemoryDiagnoser]
public class RedirectedSegment
{
    private const int HeaderBytes = 40;
    private const int Segments = 1024;
    private readonly byte[][] _segments = new byte[Segments][];
    private readonly Dictionary<(IPAddress, int, IPAddress, int), (IPAddress, ushort, IPAddress, ushort)> _dictionary = [];
    private byte[] _buffer = [];
    private FlowTable _table = FlowTable.Empty;
    private int _next;

    /// <summary>Octets behind the headers.</summary>
    [Params(0, 1460)]
    public int Payload { get; set; }

    /// <summary>Connections in the table; the segments belong to as many of them as there are, up to 1,024.</summary>
    [Params(100, 10_000, 100_000)]
    public int Flows { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        var home = Endpoint.Parse("10.77.0.2:80");
        var hostLeg = Endpoint.Parse("10.77.0.3:61000");
        var table = FlowTable.Empty.ToBuilder();
        for (var i = 0; i < Flows; i++)
        {
            var peer = Endpoint.Parse(FormattableString.Invariant($"192.0.{i >> 14}.1:{40_000 + (i & 0x3fff)}"));
            var homeLeg = new Endpoint(home.Address, (ushort)(50_000 + i));
            var route = Route.Forward(new FiveTuple(IpProtocol.Tcp, homeLeg, hostLeg), Side.Network, Side.Network, process: 0)
                .WithLifetime(new TcpLifetime(), FlowDirection.ToProcess);
            table.Set(new FiveTuple(IpProtocol.Tcp, peer, home), route);
            _dictionary.Add(
                (peer.Address.ToIPAddress(), peer.Port, home.Address.ToIPAddress(), home.Port),
                (homeLeg.Address.ToIPAddress(), homeLeg.Port, hostLeg.Address.ToIPAddress(), hostLeg.Port));
        }

        _table = table.Build();
        var keys = _dictionary.Keys.ToArray();
        for (var i = 0; i < Segments; i++)
            _segments[i] = SegmentOf(keys[(int)((long)i * keys.Length / Segments)]);
        _buffer = new byte[_segments[0].Length];
        Check();
    }

    [Benchmark(Baseline = true)]
    public byte Copy() => Fresh()[0];

    [Benchmark]
    public int Twins()
    {
        if (!PacketView.TryParse(Fresh(), out var packet, out var fault))
            throw new InvalidOperationException(fault.ToString());
        var verdict = Decision.Decide(packet, Side.Network, _table);
        verdict.Apply(packet, ChecksumState.Complete, 0);
        return (int)verdict.Kind;
    }

    [Benchmark]
    public int WithPacketDotNet()
    {
        var ip = new IPv4Packet(new ByteArraySegment(Fresh()));
        var tcp = (TcpPacket)ip.PayloadPacket;
        (ip.SourceAddress, tcp.SourcePort, ip.DestinationAddress, tcp.DestinationPort) =
            _dictionary[(ip.SourceAddress, tcp.SourcePort, ip.DestinationAddress, tcp.DestinationPort)];
        tcp.UpdateTcpChecksum();
        ip.UpdateIPChecksum();
        return tcp.Checksum;
    }

    private byte[] Fresh()
    {
        _segments[_next++ % Segments].CopyTo(_buffer, 0);
        return _buffer;
    }

    // The two do the same, or the comparison says nothing.
    private void Check()
    {
        _next = 0;
        Twins();
        var ours = _buffer.ToArray();
        _next = 0;
        WithPacketDotNet();
        if (!ours.AsSpan().SequenceEqual(_buffer))
            throw new InvalidOperationException($"ours    {Convert.ToHexString(ours)}\ntheirs  {Convert.ToHexString(_buffer)}");
    }

    private byte[] SegmentOf((IPAddress, int, IPAddress, int) tuple)
    {
        var segment = new byte[HeaderBytes + Payload];
        new Random(1).NextBytes(segment.AsSpan(HeaderBytes));
        (segment[0], segment[8], segment[9], segment[32], segment[33]) = (0x45, 64, 6, 0x50, 0x18);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), (ushort)segment.Length);
        var ip = new IPv4Packet(new ByteArraySegment(segment));
        var tcp = (TcpPacket)ip.PayloadPacket;
        (ip.SourceAddress, tcp.SourcePort, ip.DestinationAddress, tcp.DestinationPort) = (tuple.Item1, (ushort)tuple.Item2, tuple.Item3, (ushort)tuple.Item4);
        tcp.UpdateTcpChecksum();
        ip.UpdateIPChecksum();
        return segment;
    }
}
