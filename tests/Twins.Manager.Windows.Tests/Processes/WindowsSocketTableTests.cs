using Twins.Manager.Processes;
using Twins.Manager.Processes.Windows;

namespace Twins.Manager.Windows.Tests.Processes;

/// <summary>Rows as tcpmib.h and udpmib.h lay them out, octet by octet. Behind ports the rest of the field is junk.</summary>
[TestClass]
public sealed class WindowsSocketTableTests
{
    [TestMethod]
    public void TcpRow_IsRead()
    {
        var row = WindowsSocketTable.ParseTcp(Convert.FromHexString("05000000" + "0A4D0002" + "1B58DEAD" + "0A4D0001" + "C001BEEF" + "34120000"));
        Assert.AreEqual("4 1 10.77.0.2:7000 10.77.0.1:49153 4660", Text(row));
    }

    [TestMethod]
    public void TcpRow_OfAListener_HasNobodyAtTheOtherEnd()
    {
        var row = WindowsSocketTable.ParseTcp(Convert.FromHexString("02000000" + "00000000" + "1B580000" + "00000000" + "9A3F0000" + "34120000"));
        Assert.AreEqual("4 10 0.0.0.0:7000 0.0.0.0:0 4660", Text(row));
    }

    [TestMethod]
    public void Tcp6Row_IsRead()
    {
        var row = WindowsSocketTable.ParseTcp6(Convert.FromHexString(
            "FE800000000000000000000000000002" + "07000000" + "1B58DEAD" + "FD770000000000000000000000000001" + "09000000" + "C001BEEF" + "08000000" + "34120000"));
        Assert.AreEqual("6 8 [fe80::2]:7000 [fd77::1]:49153 4660", Text(row));
    }

    [TestMethod]
    public void Tcp6Row_WithMappedAddresses_CarriesIPv4()
    {
        var row = WindowsSocketTable.ParseTcp6(Convert.FromHexString(
            "00000000000000000000FFFF0A4D0002" + "00000000" + "1B580000" + "00000000000000000000FFFF0A4D0001" + "00000000" + "C0010000" + "05000000" + "34120000"));
        Assert.AreEqual("6 1 10.77.0.2:7000 10.77.0.1:49153 4660", Text(row));
    }

    [TestMethod]
    public void UdpRows_AreRead()
    {
        var four = WindowsSocketTable.ParseUdp(Convert.FromHexString("0A4D0002" + "1B58DEAD" + "34120000"));
        Assert.AreEqual("4 7 10.77.0.2:7000 0.0.0.0:0 4660", Text(four));
        var six = WindowsSocketTable.ParseUdp6(Convert.FromHexString("FD770000000000000000000000000002" + "07000000" + "1B58DEAD" + "34120000"));
        Assert.AreEqual("6 7 [fd77::2]:7000 [::]:0 4660", Text(six));
    }

    [TestMethod]
    [DataRow("01", TcpState.Closed, null)]
    [DataRow("02", TcpState.Listen, SocketStanding.Owned)]
    [DataRow("03", TcpState.SynSent, SocketStanding.Owned)]
    [DataRow("04", TcpState.SynReceived, SocketStanding.HalfOpen)]
    [DataRow("05", TcpState.Established, SocketStanding.Owned)]
    [DataRow("06", TcpState.FinWait1, SocketStanding.Lingering)]
    [DataRow("07", TcpState.FinWait2, SocketStanding.Lingering)]
    [DataRow("08", TcpState.CloseWait, SocketStanding.Owned)]
    [DataRow("09", TcpState.Closing, SocketStanding.Lingering)]
    [DataRow("0A", TcpState.LastAck, SocketStanding.Lingering)]
    [DataRow("0B", TcpState.TimeWait, null)]
    [DataRow("0C", TcpState.Closed, null)]
    [DataRow("64", TcpState.Closed, null)]
    public void States_AreTheSystemsOwn(string octet, TcpState state, SocketStanding? standing)
    {
        var row = WindowsSocketTable.ParseTcp(Convert.FromHexString(octet + "000000" + "0A4D0002" + "1B580000" + "0A4D0001" + "C0010000" + "34120000"));
        Assert.AreEqual(state, (TcpState)row.Socket.State);
        Assert.AreEqual(standing, WindowsProcesses.StandingOf(state));
    }

    private static string Text(OwnedRow row) => $"{row.Socket.SocketFamily} {row.Socket.State} {row.Socket.Local} {row.Socket.Remote} {row.Pid}";
}
