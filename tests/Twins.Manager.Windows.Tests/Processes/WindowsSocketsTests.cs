using Twins.Manager.Processes;
using Twins.Manager.Processes.Windows;
using Twins.Manager.Tests.Processes;
using Twins.Packets;

namespace Twins.Manager.Windows.Tests.Processes;

[TestClass]
public sealed class WindowsSocketsTests
{
    private static readonly InternetAddress[] Addresses =
        [InternetAddress.Parse("127.0.0.1"), InternetAddress.Parse("10.99.0.1"), InternetAddress.Parse("::1")];

    [TestMethod]
    public void Connection_IsReadAtBothItsEnds()
    {
        using var server = new StartedProgram();
        using var client = new StartedProgram();
        var serverEnd = Endpoint.Parse(server.Ask("listen l 127.0.0.1:0"));
        var clientEnd = Endpoint.Parse(client.Ask($"connect c {serverEnd}"));
        server.Ask("accept a l");

        var ofServer = WindowsProcesses.Read([server.Pid], Addresses);
        var ofClient = WindowsProcesses.Read([client.Pid], Addresses);

        Assert.AreEqual($"Owned 4 Listen {serverEnd} 0.0.0.0:0 {server.Pid}", Text(ofServer.Tcp.Single(socket => socket.State == TcpState.Listen)));
        Assert.AreEqual($"Owned 4 Established {serverEnd} {clientEnd} {server.Pid}", Text(ofServer.Tcp.Single(socket => socket.State != TcpState.Listen)));
        CollectionAssert.AreEqual(new[] { serverEnd }, ofServer.ListenerEndpoints.ToArray());
        Assert.AreEqual($"Owned 4 Established {clientEnd} {serverEnd} {client.Pid}", Text(ofClient.Tcp.Single()));
        Assert.IsEmpty(ofClient.ListenerEndpoints);
        Assert.IsEmpty(ofServer.Obstacles);
    }

    [TestMethod]
    public void WildcardOfIPv4_CoversTheAddressesOfIPv4()
    {
        using var program = new StartedProgram();
        var port = Endpoint.Parse(program.Ask("listen l 0.0.0.0:0")).Port;

        var sockets = WindowsProcesses.Read([program.Pid], Addresses);

        Assert.AreEqual($"Owned 4 Listen 0.0.0.0:{port} 0.0.0.0:0 {program.Pid}", Text(sockets.Tcp.Single()));
        Assert.AreEqual($"127.0.0.1:{port} 10.99.0.1:{port}", string.Join(' ', sockets.ListenerEndpoints));
    }

    /// <summary>Wine 8 reads a wrong column of /proc/net/tcp6, so that TCP sockets of IPv6 are nobody's there.</summary>
    [TestMethod]
    public void ConnectionOverIPv6_IsInTheTableWithBothItsEnds()
    {
        using var program = new StartedProgram();
        var serverEnd = program.Ask("listen l [::1]:0");
        var clientEnd = program.Ask($"connect c {serverEnd}");
        program.Ask("accept a l");

        var rows = WindowsSocketTable.ReadTcp().Where(row => row.Pid == program.Pid || row.Pid == 0).Select(row => row.Socket).ToArray();

        Assert.Contains(new SocketRow(6, (int)TcpState.Listen, Endpoint.Parse(serverEnd), Endpoint.Parse("[::]:0"), 0, 0, 0), rows);
        Assert.Contains(new SocketRow(6, (int)TcpState.Established, Endpoint.Parse(serverEnd), Endpoint.Parse(clientEnd), 0, 0, 0), rows);
        Assert.Contains(new SocketRow(6, (int)TcpState.Established, Endpoint.Parse(clientEnd), Endpoint.Parse(serverEnd), 0, 0, 0), rows);
    }

    /// <summary>The socket's family is 6 under wine, as on Linux, and may be 4 on Windows. Wine lists the listener once.</summary>
    [TestMethod]
    public void ConnectionOverIPv4_AtASocketOfBothFamilies_HasEndsOfIPv4()
    {
        using var program = new StartedProgram();
        var port = Endpoint.Parse(program.Ask("listen-both l")).Port;
        var clientEnd = program.Ask($"connect c 127.0.0.1:{port}");
        program.Ask("accept a l");

        var rows = WindowsSocketTable.ReadTcp().Where(row => row.Pid == program.Pid || row.Pid == 0).Select(row => row.Socket).ToArray();

        Assert.Contains(row => row.State == (int)TcpState.Listen && row.Local.ToString() == $"[::]:{port}", rows);
        Assert.Contains(row => row.State == (int)TcpState.Established && row.Local.ToString() == $"127.0.0.1:{port}" && row.Remote.ToString() == clientEnd, rows);
    }

    [TestMethod]
    public void ConnectionWhoseSendingHalfIsClosed_Lingers_AndItsPeerStillOwnsIt()
    {
        using var closing = new StartedProgram();
        using var staying = new StartedProgram();
        var at = staying.Ask("listen l 127.0.0.1:0");
        var end = closing.Ask($"connect c {at}");
        staying.Ask("accept a l");
        closing.Ask("shutdown c");

        var half = Wait.Until(() => WindowsProcesses.Read([closing.Pid], Addresses).Tcp, read => read.Any(socket => socket.State == TcpState.FinWait2));
        Assert.AreEqual($"Lingering 4 FinWait2 {end} {at} {closing.Pid}", Text(half.Single()));
        var peer = WindowsProcesses.Read([staying.Pid], Addresses).Tcp.Single(socket => socket.State != TcpState.Listen);
        Assert.AreEqual($"Owned 4 CloseWait {at} {end} {staying.Pid}", Text(peer));
    }

    /// <summary>Windows lists it as lingering; wine doesn't know any more whose it was, and lists it as nobody's.</summary>
    [TestMethod]
    public void ClosedConnection_WhosePeerStays_IsNotOwned()
    {
        using var closing = new StartedProgram();
        using var staying = new StartedProgram();
        var at = staying.Ask("listen l 127.0.0.1:0");
        var end = closing.Ask($"connect c {at}");
        staying.Ask("accept a l");
        Assert.HasCount(1, WindowsProcesses.Read([closing.Pid], Addresses).Tcp);
        closing.Ask("close c");

        var left = Wait.Until(WindowsSocketTable.ReadTcp, rows => rows.Any(row => row.Socket.Local.ToString() == end && row.Socket.State == (int)TcpState.FinWait2));
        Assert.Contains(row => row.Socket.Local.ToString() == end && row.Socket.Remote.ToString() == at, left);
        Assert.DoesNotContain(socket => socket.Standing == SocketStanding.Owned, WindowsProcesses.Read([closing.Pid], Addresses).Tcp);
    }

    [TestMethod]
    public void DatagramSockets_OfBothFamilies_AreRead()
    {
        using var program = new StartedProgram();
        var four = program.Ask("udp four 127.0.0.1:0");
        var six = program.Ask("udp six [::1]:0");
        var wild = Endpoint.Parse(program.Ask("udp wild 0.0.0.0:0"));

        var sockets = WindowsProcesses.Read([program.Pid], Addresses);

        CollectionAssert.AreEquivalent(
            new[] { $"4 {four} 0.0.0.0:0 {program.Pid}", $"6 {six} [::]:0 {program.Pid}", $"4 {wild} 0.0.0.0:0 {program.Pid}" },
            sockets.Udp.Select(socket => $"{socket.SocketFamily} {socket.Local} {socket.Remote} {socket.Pid}").ToArray());
        Assert.IsEmpty(sockets.Tcp);
    }

    [TestMethod]
    public void SocketsOfOthers_AndOfEndedProcesses_AreLeftOut()
    {
        using var program = new StartedProgram();
        using var other = new StartedProgram();
        var ours = program.Ask("listen l 127.0.0.1:0");
        var theirs = other.Ask("listen l 127.0.0.1:0");
        other.Ask("udp u 127.0.0.1:0");

        Assert.AreEqual(ours, WindowsProcesses.Read([program.Pid], Addresses).Tcp.Single().Local.ToString());
        Assert.AreEqual($"{ours} {theirs}", string.Join(' ', WindowsProcesses.Read([program.Pid, other.Pid], Addresses).ListenerEndpoints.OrderBy(endpoint => endpoint.ToString() == theirs)));
        Assert.IsEmpty(WindowsProcesses.Read([], Addresses).Tcp);
        other.End();
        var gone = WindowsProcesses.Read([other.Pid], Addresses);
        Assert.AreEqual((0, 0, 0), (gone.Tcp.Count, gone.Udp.Count, gone.ListenerEndpoints.Count));
    }

    private static string Text(TcpSocket socket) => $"{socket.Standing} {socket.SocketFamily} {socket.State} {socket.Local} {socket.Remote} {socket.Pid}";
}
