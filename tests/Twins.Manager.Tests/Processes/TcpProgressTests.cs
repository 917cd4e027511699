using System.Net;
using System.Net.Sockets;
using Twins.Manager.Processes;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Tests.Processes;

/// <summary>How far a connection has come, as this kernel tells it.</summary>
[TestClass]
public sealed class TcpProgressTests : IDisposable
{
    private readonly Socket _client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Socket _server;

    public TcpProgressTests()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _client.Connect(listener.LocalEndpoint);
        _server = listener.AcceptSocket();
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [TestMethod]
    public void DataThatNobodyReads_WaitUntilSomebodyDoes()
    {
        _client.Send(new byte[10]);
        _server.Poll(-1, SelectMode.SelectRead);
        var before = Look();
        Assert.AreEqual((10u, 0ul), (before.Unread, before.Read));
        Assert.IsTrue(Look().IsUnreadSince(before));
        _server.Receive(new byte[4]);
        _client.Send(new byte[4]);
        var now = Wait.Until(Look, look => look.Unread == 10);
        Assert.AreEqual((10u, 4ul), (now.Unread, now.Read));
        Assert.IsFalse(now.IsUnreadSince(before), "as much waits as before, and something was read");
    }

    [TestMethod]
    public void DataThatArrive_AreAcknowledged()
    {
        _server.Send(new byte[100]);
        var before = Look();
        var now = Wait.Until(Look, look => look.Unacknowledged == 0);
        Assert.AreEqual((0u, 100ul), (now.Unacknowledged, now.Acknowledged));
        Assert.IsFalse(now.IsUnacknowledgedSince(before));
    }

    [TestMethod]
    public void DataForAFullWindow_WaitForIt()
    {
        _server.Blocking = false;
        Assert.ThrowsExactly<SocketException>(() =>
        {
            while (true)
                _server.Send(new byte[65536]);
        });
        var last = Look();
        var stands = Wait.Until(
            () =>
            {
                var (before, now) = (last, Look());
                last = now;
                return now.IsUnacknowledgedSince(before);
            },
            stands => stands);
        Assert.IsTrue(stands);
    }

    private TcpProgress Look() => SocketTable.ReadProgress(Environment.ProcessId)[(EndOf(_server.LocalEndPoint), EndOf(_server.RemoteEndPoint))];

    private static Endpoint EndOf(EndPoint? end) => Endpoint.Parse(end!.ToString()!);
}
