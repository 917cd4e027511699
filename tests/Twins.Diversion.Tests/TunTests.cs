using System.Net.Sockets;
using Twins.Diversion.Linux;
using Twins.Packets;

namespace Twins.Diversion.Tests;

[TestClass]
public sealed class TunTests
{
    [TestMethod]
    public void Device_CarriesPacketsBothWays()
    {
        using var network = new TestNetwork();
        var (cabin, descriptor) = network.AddCabin();
        using var tun = new Tun(descriptor);
        using var socket = TestNetwork.NewUdp(cabin, TestNetwork.HomeAddress, 7000);
        socket.SendTo([0x77], new System.Net.IPEndPoint(TestNetwork.PeerAddress, 7001));
        var bytes = ReadUdp(tun, out var checksum);
        Assert.AreEqual(0x77, bytes[28]);
        Assert.AreEqual(ChecksumState.Partial, checksum);

        Assert.AreEqual(0, tun.Write(Convert.FromHexString("4500001D00004000401126" + "08" + "0A630001" + "0A630002" + "1B591B5800090000" + "5A")));
        var data = new byte[8];
        Assert.AreEqual(1, socket.Receive(data));
        Assert.AreEqual(0x5A, data[0]);
    }

    [TestMethod]
    public void RemovedDevice_IsGone_AndRemovingAgainIsNoFault()
    {
        using var network = new TestNetwork();
        var (cabin, descriptor) = network.AddCabin();
        descriptor.Dispose();
        Assert.Contains("twins0", Shell.Run("ip -o link", cabin));
        Tun.Remove("twins0", cabin);
        Tun.Remove("twins0", cabin);
        Assert.DoesNotContain("twins0", Shell.Run("ip -o link", cabin));
    }

    [TestMethod]
    public void DescriptorThatWouldBlock_IsReadWithoutWaiting()
    {
        using var network = new TestNetwork();
        var (cabin, descriptor) = network.AddCabin();
        Shell.Run("ip link set twins0 down", cabin);
        Assert.AreEqual(0, LibC.FileControl(descriptor, LibC.SetStatusFlags, 0));
        using var tun = new Tun(descriptor);
        var reading = Task.Run(() =>
        {
            while (tun.TryRead(out _))
            {
            }
        });
        Assert.IsTrue(reading.Wait(TimeSpan.FromSeconds(20)));
    }

    [TestMethod]
    public void SecondOwner_IsRefused()
    {
        using var network = new TestNetwork();
        var (cabin, descriptor) = network.AddCabin();
        using var first = new Tun(descriptor);
        var failure = Assert.ThrowsExactly<DiversionException>(() => Tun.Create("twins0", cabin));
        Assert.AreEqual(16, failure.NativeCode);
    }

    [TestMethod]
    public void MissingNamespace_IsNamed()
    {
        var failure = Assert.ThrowsExactly<DiversionException>(() => NetworkNamespace.Run("/nowhere", () => 1));
        Assert.AreEqual("open network namespace /nowhere", failure.Operation);
        Assert.AreEqual(2, failure.NativeCode);
    }

    private static byte[] ReadUdp(Tun tun, out ChecksumState checksum)
    {
        var bytes = Array.Empty<byte>();
        var state = ChecksumState.Complete;
        Eventually.Holds(
            () =>
            {
                // The kernel speaks first: router solicitations and the like.
                if (!tun.TryRead(out var packet) || packet.Bytes[0] >> 4 != 4)
                    return false;
                (bytes, state) = (packet.Bytes.ToArray(), packet.Checksum);
                return true;
            },
            "a packet from the cabin");
        checksum = state;
        return bytes;
    }
}
