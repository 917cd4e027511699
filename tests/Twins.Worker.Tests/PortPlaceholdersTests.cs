using System.Net;
using System.Net.Sockets;
using Twins.Packets;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Worker.Tests;

/// <summary>Compiled for Windows too, by Twins.Worker.Windows.Tests.</summary>
[TestClass]
public sealed class PortPlaceholdersTests
{
    private static int _lastPort = 10_000 + (Environment.ProcessId % 500 * 20);

    [TestMethod]
    [DataRow(IpProtocol.Tcp, "127.0.0.1", false)]
    [DataRow(IpProtocol.Tcp, "127.0.0.1", true)]
    [DataRow(IpProtocol.Tcp, "::1", true)]
    [DataRow(IpProtocol.Udp, "127.0.0.1", true)]
    public void PortThatIsTaken_IsNobodyElses_UntilItIsLetGo(IpProtocol protocol, string address, bool reuse)
    {
        using var placeholders = new PortPlaceholders();
        var port = FreePort(protocol, address);
        Replace(placeholders, port);
        Assert.AreEqual((0, 0), (placeholders.Waiting, placeholders.Missing));
        Assert.ThrowsExactly<SocketException>(() => Bind(port, reuse).Dispose());

        Replace(placeholders);
        Bind(port, reuse).Dispose();
    }

    [TestMethod]
    public void PortThatIsTaken_IsNotListenedOn()
    {
        using var placeholders = new PortPlaceholders();
        var port = FreePort(IpProtocol.Tcp, "127.0.0.1");
        Replace(placeholders, port);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var failure = Assert.ThrowsExactly<SocketException>(() => client.Connect(ToEnd(port.Local)));
        Assert.AreEqual(SocketError.ConnectionRefused, failure.SocketErrorCode);
    }

    [TestMethod]
    [DataRow(IpProtocol.Tcp)]
    [DataRow(IpProtocol.Udp)]
    public void PortThatTheOriginalStillHas_IsTakenWhenItIsFree(IpProtocol protocol)
    {
        using var placeholders = new PortPlaceholders();
        var port = FreePort(protocol, "127.0.0.1");
        var original = Bind(port, reuse: true);
        Replace(placeholders, port);
        placeholders.TryAgain(1_000);
        Assert.AreEqual((1, 1), (placeholders.Waiting, placeholders.Missing));

        original.Dispose();
        placeholders.TryAgain(2_000);
        Assert.AreEqual((0, 0), (placeholders.Waiting, placeholders.Missing));
        Assert.ThrowsExactly<SocketException>(() => Bind(port, reuse: true).Dispose());
    }

    [TestMethod]
    public void PortThatStaysTaken_IsGivenUpAfterAMinute()
    {
        using var placeholders = new PortPlaceholders();
        var port = FreePort(IpProtocol.Tcp, "127.0.0.1");
        using var original = Bind(port, reuse: false);
        Replace(placeholders, port);
        placeholders.TryAgain(59_999);
        Assert.AreEqual(1, placeholders.Waiting);
        placeholders.TryAgain(60_000);
        Assert.AreEqual((0, 1), (placeholders.Waiting, placeholders.Missing));
    }

    [TestMethod]
    public void SuspendedPorts_AreFree_AndTakenAgainWhenResumed()
    {
        using var placeholders = new PortPlaceholders();
        var port = FreePort(IpProtocol.Tcp, "127.0.0.1");
        Replace(placeholders, port);
        placeholders.Suspend();
        Bind(port, reuse: false).Dispose();

        placeholders.Resume(0);
        Assert.AreEqual(0, placeholders.Missing);
        Assert.ThrowsExactly<SocketException>(() => Bind(port, reuse: false).Dispose());
    }

    private static void Replace(PortPlaceholders placeholders, params (IpProtocol Protocol, Endpoint Local)[] ports) =>
        placeholders.Replace(ports.ToHashSet(), 0);

    // Of this test alone: below the ports that the kernel hands out, which a test beside it would be given when they are free for a moment.
    private static (IpProtocol Protocol, Endpoint Local) FreePort(IpProtocol protocol, string address)
    {
        while (true)
        {
            var port = (protocol, new Endpoint(InternetAddress.Parse(address), (ushort)Interlocked.Increment(ref _lastPort)));
            try
            {
                Bind(port, reuse: false).Dispose();
                return port;
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
            }
        }
    }

    private static Socket Bind((IpProtocol Protocol, Endpoint Local) port, bool reuse)
    {
        var end = ToEnd(port.Local);
        var socket = port.Protocol == IpProtocol.Tcp
            ? new Socket(end.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
            : new Socket(end.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (reuse)
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(end);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static IPEndPoint ToEnd(Endpoint end) => new(end.Address.ToIPAddress(), end.Port);
}
