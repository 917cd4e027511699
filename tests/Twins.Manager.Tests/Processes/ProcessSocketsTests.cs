using Twins.Manager.Processes;
using Twins.Packets;

namespace Twins.Manager.Tests.Processes;

[TestClass]
public sealed class ProcessSocketsTests
{
    private static readonly InternetAddress[] Addresses =
        [InternetAddress.Parse("127.0.0.1"), InternetAddress.Parse("10.99.0.1"), InternetAddress.Parse("::1")];

    [TestMethod]
    public void Connection_WithUnreadAndUnacknowledgedData_IsReadWithItsQueues()
    {
        using var program = new Program("""
            listener = socket.create_server(("10.99.0.1", 7000))
            client = socket.create_connection(("10.99.0.1", 7000))
            server, _ = listener.accept()
            client.sendall(b"x" * 1000)
            say(client.getsockname()[1])
            rest()
            """);
        var client = Endpoint.Parse("10.99.0.1:" + program.Hear()[0]);
        var server = Endpoint.Parse("10.99.0.1:7000");

        var sockets = ProcessSockets.Read([program.Pid], Addresses);

        Assert.HasCount(3, sockets.Tcp);
        var listener = sockets.Tcp.Single(socket => socket.State == TcpState.Listen);
        Assert.AreEqual(server, listener.Local);
        Assert.AreEqual(0u, listener.Backlog);
        var accepted = sockets.Tcp.Single(socket => socket.Remote == client);
        Assert.AreEqual((SocketStanding.Owned, TcpState.Established, server, 1000u, 0u, program.Pid, 4),
            (accepted.Standing, accepted.State, accepted.Local, accepted.ReceiveQueueBytes, accepted.SendQueueBytes, accepted.Pid, accepted.SocketFamily));
        Assert.AreNotEqual(0ul, accepted.Inode);
        var connected = sockets.Tcp.Single(socket => socket.Local == client);
        Assert.AreEqual((SocketStanding.Owned, server), (connected.Standing, connected.Remote));
        CollectionAssert.AreEqual(new[] { server }, sockets.ListenerEndpoints.ToArray());
    }

    [TestMethod]
    public void Backlog_NotAccepted_IsCountedAndTold()
    {
        using var program = new Program("""
            listener = socket.create_server(("10.99.0.1", 7000))
            clients = [socket.create_connection(("10.99.0.1", 7000)) for _ in range(3)]
            clients[2].shutdown(socket.SHUT_WR)
            say("ready")
            rest()
            """);
        program.Hear();

        var sockets = Wait.Until(
            () => ProcessSockets.Read([program.Pid], Addresses),
            read => read.Tcp.Any(socket => socket.State == TcpState.CloseWait));

        Assert.AreEqual(3u, sockets.Backlog);
        Assert.AreEqual(3, sockets.Tcp.Count(socket => socket.Standing == SocketStanding.Unaccepted));
        Assert.IsTrue(sockets.Tcp.Where(socket => socket.Standing == SocketStanding.Unaccepted).All(socket => socket.Pid == 0 && socket.Inode == 0));
    }

    [TestMethod]
    public void HalfOpenAndLingering_AtTheListenersPort_AreToldApart()
    {
        using var program = new Program("""
            deferred = socket.socket()
            deferred.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
            deferred.bind(("10.99.0.1", 7001))
            deferred.listen(8)
            silent = socket.create_connection(("10.99.0.1", 7001))
            listener = socket.create_server(("10.99.0.1", 7000))
            client = socket.create_connection(("10.99.0.1", 7000))
            server, _ = listener.accept()
            server.close()
            say(silent.getsockname()[1], client.getsockname()[1])
            rest()
            """);
        var ports = program.Hear();

        var sockets = Wait.Until(
            () => ProcessSockets.Read([program.Pid], Addresses),
            read => read.Tcp.Any(socket => socket.State == TcpState.FinWait2));

        var halfOpen = sockets.Tcp.Single(socket => socket.Standing == SocketStanding.HalfOpen);
        Assert.AreEqual((TcpState.SynReceived, "10.99.0.1:7001", "10.99.0.1:" + ports[0]), (halfOpen.State, halfOpen.Local.ToString(), halfOpen.Remote.ToString()));
        var lingering = sockets.Tcp.Single(socket => socket.Standing == SocketStanding.Lingering);
        Assert.AreEqual((TcpState.FinWait2, "10.99.0.1:7000", "10.99.0.1:" + ports[1]), (lingering.State, lingering.Local.ToString(), lingering.Remote.ToString()));
        var halfClosed = sockets.Tcp.Single(socket => socket.State == TcpState.CloseWait);
        Assert.AreEqual((SocketStanding.Owned, "10.99.0.1:" + ports[1]), (halfClosed.Standing, halfClosed.Local.ToString()));
    }

    [TestMethod]
    public void Wildcards_OfBothFamilies_CoverTheAddressesTheyServe()
    {
        using var program = new Program("""
            four = socket.create_server(("0.0.0.0", 7000))
            both = socket.create_server(("::", 7001), family=socket.AF_INET6, dualstack_ipv6=True)
            six = socket.create_server(("::1", 7002), family=socket.AF_INET6)
            mapped = socket.create_connection(("10.99.0.1", 7001))
            accepted, _ = both.accept()
            say(mapped.getsockname()[1])
            rest()
            """);
        var port = program.Hear()[0];

        var sockets = ProcessSockets.Read([program.Pid], Addresses);

        Assert.AreEqual(
            "10.99.0.1:7000 10.99.0.1:7001 127.0.0.1:7000 127.0.0.1:7001 [::1]:7001 [::1]:7002",
            string.Join(' ', sockets.ListenerEndpoints.Select(endpoint => endpoint.ToString()).Order(StringComparer.Ordinal)));
        var accepted = sockets.Tcp.Single(socket => socket.Remote.ToString() == "10.99.0.1:" + port);
        Assert.AreEqual((6, "10.99.0.1:7001"), (accepted.SocketFamily, accepted.Local.ToString()), "an IPv6 socket that carries IPv4");
    }

    [TestMethod]
    public void SocketsOfOthers_InTheSameNamespace_AreLeftOut()
    {
        using var program = new Program("""
            parent = socket.create_server(("10.99.0.1", 7000))
            ready = os.pipe()
            child = os.fork()
            if child == 0:
                parent.close()
                own = socket.create_server(("10.99.0.1", 7001))
                waiting = socket.create_connection(("10.99.0.1", 7001))
                os.write(ready[1], b"x")
                rest()
                os._exit(0)
            os.read(ready[0], 1)
            say(child)
            rest()
            """);
        var child = int.Parse(program.Hear()[0], null);

        var parentOnly = ProcessSockets.Read([program.Pid], Addresses);
        Assert.AreEqual("10.99.0.1:7000", parentOnly.Tcp.Single().Local.ToString());
        var both = ProcessSockets.Read([program.Pid, child], Addresses);
        Assert.HasCount(4, both.Tcp);
        Assert.AreEqual(1u, both.Backlog);
    }

    [TestMethod]
    public void UdpSockets_AreListed()
    {
        using var program = new Program("""
            s = socket.socket(type=socket.SOCK_DGRAM)
            s.bind(("10.99.0.1", 7000))
            s.connect(("10.99.0.1", 7009))
            say("ready")
            rest()
            """);
        program.Hear();
        var udp = ProcessSockets.Read([program.Pid], Addresses).Udp.Single();
        Assert.AreEqual(("10.99.0.1:7000", "10.99.0.1:7009", program.Pid), (udp.Local.ToString(), udp.Remote.ToString(), udp.Pid));
    }

    [TestMethod]
    public void StateNames_AreThoseOfTheRfc()
    {
        Assert.AreEqual(
            "ESTABLISHED SYN-SENT SYN-RECEIVED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT CLOSED CLOSE-WAIT LAST-ACK LISTEN CLOSING",
            string.Join(' ', Enum.GetValues<TcpState>().Select(state => state.ToName())));
    }
}
