using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Home and host1 are joined through a router that takes smaller packets than the network of the peer.</summary>
[TestClass]
public sealed class PathMtuTests : LabTest
{
    [TestInitialize]
    public void RouteThroughHost2()
    {
        Host2.Shell("""
            sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0
            ip route add 10.77.0.2 dev eth0 mtu 1400
            ip route add 10.77.0.3 dev eth0 mtu 1400
            """);
        Home.Shell("ip route add 10.77.0.3 via 10.77.0.4");
        Host1.Shell("ip route add 10.77.0.2 via 10.77.0.4");
    }

    [TestCleanup]
    public void RouteAsBefore()
    {
        Home.Shell("ip route del 10.77.0.3");
        Host1.Shell("ip route del 10.77.0.2");
        Host2.Shell("""
            ip route del 10.77.0.2
            ip route del 10.77.0.3
            sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.send_redirects=1 net.ipv4.conf.eth0.send_redirects=1
            """);
        foreach (Machine machine in new[] { Peer, Home, Host1, Host2 })
            machine.Shell("ip route flush cache");
    }

    [TestMethod]
    public void BulkTraffic_BothWays_SurvivesTheMove_AndBothEndsLearnTheMtu()
    {
        MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "2", "--size", "60000", "--rate", "20").WaitUntilReady();
        PeerCounters before = PeerCounters.Read(Peer);
        server.MigrateTo(Host1);
        client.AssertGoesOn();
        client.AssertGoesOn();
        Assert.Contains("mtu 1400", Peer.Shell("ip route get 10.77.0.2"));
        Assert.Contains("mtu 1400", Host1.Shell($"nsenter -t {server.Pid} -n ip route get 10.77.0.1 from 10.77.0.2"));
        CheckedClient another = Talk("10.77.0.2:7000", "--size", "60000", "--rate", "20").WaitUntilReady();
        another.AssertGoesOn();
        server.MigrateTo(Home);
        client.AssertGoesOn();
        another.AssertGoesOn();
        PeerCounters after = PeerCounters.Read(Peer);
        Assert.IsGreaterThan(before.IcmpErrorsIn, after.IcmpErrorsIn, "the peer was told the size");
        (before with { IcmpErrorsIn = after.IcmpErrorsIn }).AssertNothingEnded(after);
        client.Finish();
        another.Finish();
    }
}
