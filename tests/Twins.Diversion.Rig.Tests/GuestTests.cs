using System.Net;
using System.Net.Sockets;
using Twins.Diversion.Windows;
using Twins.Packets;

namespace Twins.Diversion.Rig.Tests;

/// <summary>The host's half of a redirection to a server of this machine: what it sends is captured as it leaves, and guarded.</summary>
[TestClass]
public sealed class GuestTests : IDisposable
{
    private static readonly Endpoint Guest = Endpoint.Parse("10.211.0.1:7000");
    private static readonly Endpoint Leg = Endpoint.Parse("10.211.0.1:61000");
    private static readonly Endpoint Peer = Endpoint.Parse("10.211.0.9:4000"); // nobody's address
    private static readonly DivertTarget[] Targets = [DivertTarget.LegDestination(IpProtocol.Tcp, Leg), DivertTarget.GuestSource(IpProtocol.Tcp, Guest)];

    private readonly TcpListener _listener = new(IPAddress.Any, Guest.Port);

    [TestInitialize]
    public void Listen()
    {
        _listener.Start();
        _ = Task.Run(async () =>
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                _ = Task.Run(async () =>
                {
                    using (client)
                        await client.GetStream().CopyToAsync(client.GetStream());
                });
            }
        });
    }

    public void Dispose() => _listener.Dispose();

    [TestMethod]
    public void Server_IsServedOverTheLeg_ItsOwnClientsAlso()
    {
        // The other machine is home: it talks to the leg, and the server hears of a peer.
        var home = default(Endpoint);
        var gate = new Lock();
        using var sender = WinDivertSender.Open();
        using var capture = new WinDivertCapture(sender, (batch, count) =>
        {
            lock (gate)
            {
                for (var i = 0; i < count; i++)
                {
                    if (!PacketView.TryParse(batch[i].Bytes, out var packet, out _) || !packet.IsTcp)
                    {
                        batch.Accept(i);
                    }
                    else if (packet.Tuple.Destination == Leg)
                    {
                        home = packet.Tuple.Source;
                        Send(packet, batch[i].Checksum, new FiveTuple(IpProtocol.Tcp, Peer, Guest));
                    }
                    else if (packet.Tuple.Source == Guest && packet.Tuple.Destination == Peer)
                    {
                        Send(packet, batch[i].Checksum, new FiveTuple(IpProtocol.Tcp, Leg, home));
                    }
                    else
                    {
                        batch.Accept(i);
                    }
                }

                batch.Complete();
            }
        });
        using var protection = new WinDivertProtection();
        capture.Change(Targets);
        protection.Change(Targets);
        Assert.AreEqual("ok", Far.Talk("10.211.0.1", Leg.Port, 1 << 20));
        Assert.AreEqual("ok", Far.Talk("10.211.0.1", Guest.Port, 1 << 20));
        Assert.AreEqual(0, sender.Counters.Refused);

        void Send(in PacketView packet, ChecksumState checksum, FiveTuple to)
        {
            packet.Rewrite(to, checksum);
            if (checksum == ChecksumState.Partial)
                packet.FinishChecksum();
            sender.Enqueue(packet.Bytes);
        }
    }

    [TestMethod]
    public void NobodyCaptures_TheServerSaysNothing()
    {
        using (var protection = new WinDivertProtection())
        {
            protection.Change(Targets);
            Assert.AreEqual("TimeoutError", Far.Talk("10.211.0.1", Guest.Port, 1));
            Assert.AreEqual("TimeoutError", Far.Talk("10.211.0.1", Leg.Port, 1));
        }

        Assert.AreEqual("ok", Far.Talk("10.211.0.1", Guest.Port, 1000));
    }
}
