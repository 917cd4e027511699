using System.Globalization;
using System.Net.Sockets;

namespace Twins.Worker.Tests;

[TestClass]
public sealed class SuperpacketTests
{
    private const int Octets = 8_000_000;

    [TestMethod]
    [DataRow(65536, DisplayName = "whole on the wire")]
    [DataRow(1500, DisplayName = "cut at the interfaces")]
    public void LargeStreams_LeaveAsSuperpackets_AndAreIntact(int largestOnTheWire)
    {
        using var relay = new Relay();
        foreach (var (machine, from) in new[] { (relay.Network.Home, "10.99.0.3"), (relay.Network.Host, "10.99.0.2") })
        {
            Shell.Run($"ip link set eth0 gso_max_size {largestOnTheWire}", machine);
            CountLonger(machine, from, 1500);
        }

        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        Exchange(peer, process);
        Exchange(process, peer);
        Stream.AssertExchange(peer, process, Octets);
        if (largestOnTheWire == 65536)
        {
            Assert.IsGreaterThan(0, Longer(relay.Network.Host));
            Assert.IsGreaterThan(0, Longer(relay.Network.Home));
        }
        else
        {
            Assert.AreEqual(0, Longer(relay.Network.Host));
            Assert.AreEqual(0, Longer(relay.Network.Home));
        }

        relay.AssertNoResets();
        Assert.IsEmpty(relay.Home.Status(Relay.Process).Drops);
        Assert.IsEmpty(relay.Host.Status(Relay.Process).Drops);
    }

    [TestMethod]
    public void SegmentsOfThePeer_KeepTheirSizeBehindHome()
    {
        using var relay = new Relay();
        Shell.Run("ip route change 10.99.0.0/24 dev eth0 mtu 700", relay.Network.Peer);
        Shell.Run("ip link set eth0 gso_max_size 700", relay.Network.Home);
        CountLonger(relay.Network.Host, "10.99.0.2", 700);
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        Exchange(peer, process);
        Assert.AreEqual(0, Longer(relay.Network.Host));
        relay.AssertNoResets();
    }

    private static void Exchange(Socket from, Socket to)
    {
        var octets = Stream.Octets(Octets, 3);
        var sending = Stream.SendAll(from, octets);
        Stream.AssertReceives(to, octets);
        sending.GetAwaiter().GetResult();
    }

    private static void CountLonger(string machine, string from, int octets) => Shell.Run(
        $"nft 'add table inet sizes; add counter inet sizes longer; add chain inet sizes in {{ type filter hook prerouting priority -400; }}; add rule inet sizes in ip saddr {from} meta length gt {octets} counter name longer'",
        machine);

    private static long Longer(string machine)
    {
        var words = Shell.Run("nft list counter inet sizes longer", machine).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return long.Parse(words[Array.IndexOf(words, "packets") + 1], CultureInfo.InvariantCulture);
    }
}
