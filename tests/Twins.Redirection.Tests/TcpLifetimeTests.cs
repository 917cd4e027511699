using Twins.Packets;
using Twins.Packets.Tests;

namespace Twins.Redirection.Tests;

/// <summary>Each line of a script is a segment: direction, control bits, sequence number, octets of data, acknowledgment number.</summary>
[TestClass]
public sealed class TcpLifetimeTests
{
    private const int Linger = 60_000;

    [TestMethod]
    [DataRow("both sides close", """
        > S 100 0 0
        < SA 500 0 101
        > A 101 10 501
        < FA 501 5 111
        > A 111 0 507
        > FA 111 0 507
        < A 507 0 112
        """, true)]
    [DataRow("both at once", """
        > FA 100 0 500
        < FA 500 0 100
        > A 101 0 501
        < A 501 0 101
        """, true)]
    [DataRow("seen only from the FINs on, with the last segments in one", """
        > FA 100 3 500
        < FA 500 7 104
        > A 104 0 508
        """, true)]
    [DataRow("the sequence numbers wrap", """
        > FA 4294967290 10 500
        < FA 500 0 5
        > A 5 0 501
        """, true)]
    [DataRow("half closed", """
        > FA 100 0 500
        < A 500 1000 101
        < A 1500 1000 101
        """, false)]
    [DataRow("the last FIN is not acknowledged", """
        > FA 100 0 500
        < FA 500 0 101
        """, false)]
    [DataRow("an old ACK does not cover the FIN", """
        > A 100 0 500
        < FA 500 100 100
        > FA 100 0 600
        < A 601 0 101
        """, false)]
    [DataRow("reset with data in flight", """
        > A 100 10 500
        < A 500 10 110
        < R 510 0 0
        > A 110 10 510
        """, true)]
    [DataRow("refused", """
        > S 100 0 0
        < RA 0 0 101
        """, true)]
    [DataRow("a RST outside of the window", """
        > A 100 10 500
        < A 500 10 110
        > A 110 0 510
        < R 400 0 0
        """, false)]
    [DataRow("a RST whose supposed sender goes on", """
        > A 100 10 500
        < A 500 10 110
        < R 510 0 0
        > A 110 0 510
        < A 510 10 110
        """, false)]
    [DataRow("the tuple is used again", """
        > FA 100 0 500
        < FA 500 0 101
        > A 101 0 501
        > S 9000 0 0
        """, false)]
    public void Connection_AfterTheseSegments_IsClosedOrNot(string what, string script, bool closed)
    {
        var lifetime = new TcpLifetime();
        Play(lifetime, script, 1000);
        Assert.AreEqual(closed, lifetime.IsClosed, what);
        Assert.IsFalse(lifetime.IsOver(1000 + Linger - 1, Linger), what);
        Assert.AreEqual(closed, lifetime.IsOver(1000 + Linger, Linger), what);
    }

    [TestMethod]
    public void LateSegments_AfterTheEnd_DontProlongIt()
    {
        var lifetime = new TcpLifetime();
        Play(lifetime, "> FA 100 0 500\n< FA 500 0 101\n> A 101 0 501", 1000);
        Play(lifetime, "< FA 500 0 101\n> A 101 0 501", 50_000);
        Assert.IsTrue(lifetime.IsOver(1000 + Linger, Linger));
    }

    [TestMethod]
    public void ForwardedFlow_BothWays_EndsItsLifetime()
    {
        var lifetime = new TcpLifetime();
        var table = FlowTable.Empty.ToBuilder()
            .Set(Names.Tcp(Names.Peer, Names.Home), Forward(Names.HomeLeg, Names.HostLeg, FlowDirection.ToProcess))
            .Set(Names.Tcp(Names.HostLeg, Names.HomeLeg), Forward(Names.Home, Names.Peer, FlowDirection.ToPeer))
            .Build();
        Send(Names.Peer, Names.Home, "FA", 100, 500);
        Send(Names.HostLeg, Names.HomeLeg, "FA", 500, 101);
        Assert.IsFalse(lifetime.IsClosed);
        Send(Names.Peer, Names.Home, "A", 101, 501);
        Assert.IsTrue(lifetime.IsClosed);

        Route Forward(string source, string destination, FlowDirection direction) =>
            Route.Forward(Names.Tcp(source, destination), Side.Network, Side.Network, Names.Process).WithLifetime(lifetime, direction);

        void Send(string source, string destination, string flags, uint sequence, uint acknowledgment)
        {
            var bytes = PacketBuilder.Tcp(source, destination).Flags(flags).Sequence(sequence).Acknowledgment(acknowledgment).Build();
            Assert.IsTrue(PacketView.TryParse(bytes, out var packet, out _));
            Decision.Decide(packet, Side.Network, table).Apply(packet, ChecksumState.Complete, 0);
        }
    }

    private static void Play(TcpLifetime lifetime, string script, long now)
    {
        foreach (var line in script.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var parts = line.Split(' ');
            var numbers = parts[2..].Select(uint.Parse).ToArray();
            var bytes = PacketBuilder.Tcp("192.0.2.1:5", "192.0.2.2:6").Flags(parts[1])
                .Sequence(numbers[0]).Payload(new byte[numbers[1]]).Acknowledgment(numbers[2]).Build();
            Assert.IsTrue(PacketView.TryParse(bytes, out var packet, out _));
            lifetime.Observe(packet.Tcp, parts[0] == ">" ? FlowDirection.ToProcess : FlowDirection.ToPeer, now);
        }
    }
}
