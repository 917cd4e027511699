using Twins.Manager.Processes;
using Twins.Manager.Processes.Windows;
using Twins.Packets;

namespace Twins.Manager.Windows.Tests.Processes;

/// <summary>Listeners of IPv6 that are somebody's, which wine doesn't give, are made up.</summary>
[TestClass]
public sealed class OwnedRowsTests
{
    private static readonly InternetAddress[] Addresses =
        [InternetAddress.Parse("10.99.0.1"), InternetAddress.Parse("fd77::1")];

    [TestMethod]
    public void WildcardOfIPv6_CoversBothFamilies()
    {
        Assert.AreEqual("10.99.0.1:80 [fd77::1]:80", Endpoints(Listener(6, "[::]:80", 8)));
    }

    [TestMethod]
    public void ListenerOfBothFamilies_WithARowInBothTables_IsGivenOnce()
    {
        Assert.AreEqual("10.99.0.1:80 [fd77::1]:80", Endpoints(Listener(4, "0.0.0.0:80", 8), Listener(6, "[::]:80", 8)));
    }

    [TestMethod]
    public void WildcardOfIPv6_WhenAnotherProgramHasThatOfIPv4_DoesNotTakeItsAddresses()
    {
        Assert.AreEqual("[fd77::1]:80", Endpoints(Listener(4, "0.0.0.0:80", 12), Listener(6, "[::]:80", 8)));
    }

    [TestMethod]
    public void AddressThatAnotherProgramHas_IsNotTheWildcards()
    {
        Assert.AreEqual("10.99.0.1:80", Endpoints(Listener(6, "[::]:80", 8), Listener(6, "[fd77::1]:80", 12)));
    }

    [TestMethod]
    public void RowsInStatesThatAreNoConnection_AndRowsOfOthers_AreLeftOut()
    {
        var sockets = WindowsProcesses.SocketsOf(
            [Row(TcpState.TimeWait, 8), Row(TcpState.Closed, 8), Row(TcpState.Established, 12), Row(TcpState.SynReceived, 8), Row(TcpState.LastAck, 16)],
            [], [8, 16], Addresses);

        Assert.AreEqual("HalfOpen 8, Lingering 16", string.Join(", ", sockets.Tcp.Select(socket => $"{socket.Standing} {socket.Pid}")));
        Assert.IsEmpty(sockets.ListenerEndpoints);
    }

    private static string Endpoints(params OwnedRow[] listeners) =>
        string.Join(' ', WindowsProcesses.SocketsOf(listeners, [], [8], Addresses).ListenerEndpoints.Select(endpoint => endpoint.ToString()).Order(StringComparer.Ordinal));

    private static OwnedRow Listener(int family, string local, int pid) =>
        new(new SocketRow(family, (int)TcpState.Listen, Endpoint.Parse(local), Endpoint.Parse(family == 4 ? "0.0.0.0:0" : "[::]:0"), 0, 0, 0), pid);

    private static OwnedRow Row(TcpState state, int pid) =>
        new(new SocketRow(4, (int)state, Endpoint.Parse("10.99.0.1:80"), Endpoint.Parse("10.99.0.2:49153"), 0, 0, 0), pid);
}
