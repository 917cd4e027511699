using System.Net;
using System.Net.Sockets;
using Twins.Diversion.Linux;
using Twins.Manager.Cabins;
using Twins.Manager.Tests.Checkpoint;
using Twins.Packets;

namespace Twins.Manager.Tests.Cabins;

[TestClass]
public sealed class CabinTests
{
    private static readonly InternetAddress[] s_home = [InternetAddress.Parse("10.97.0.2"), InternetAddress.Parse("fd97::2")];

    private string Folder { get; set; } = null!;

    [TestInitialize]
    public void Begin() => Folder = Directory.CreateTempSubdirectory("twins-cabins-").FullName;

    [TestCleanup]
    public void End()
    {
        foreach (var cabin in Cabin.List(Folder))
            cabin.Remove();
        Directory.Delete(Folder, recursive: true);
    }

    [TestMethod]
    public void Cabin_Made_HasHomeAddressesDeviceRouteAndPorts()
    {
        var cabin = Cabin.Create("one", s_home, new CabinSettings { Folder = Folder, Mtu = 1400 }, out var device);
        using (device)
        {
            var addresses = Shell.Run(cabin.NamespacePath, "ip -o addr show dev lo");
            Assert.Contains("10.97.0.2/32", addresses);
            Assert.Contains("fd97::2/128", addresses);
            var link = Shell.Run(cabin.NamespacePath, "ip link show twins0");
            Assert.Contains("LOWER_UP", link);
            Assert.Contains("mtu 1400", link);
            Assert.Contains("default dev twins0", Shell.Run(cabin.NamespacePath, "ip route show default"));
            Assert.Contains("default dev twins0", Shell.Run(cabin.NamespacePath, "ip -6 route show default"));
            Assert.AreEqual("61000\t65535\n", Shell.Run(cabin.NamespacePath, "cat /proc/sys/net/ipv4/ip_local_port_range"));
            Assert.AreEqual(
                File.ReadAllText("/proc/sys/net/ipv4/tcp_congestion_control"),
                Shell.Run(cabin.NamespacePath, "cat /proc/sys/net/ipv4/tcp_congestion_control"));
        }
    }

    [TestMethod]
    public void Cabin_GuestSends_PacketComesOutOfDeviceWithHomeAddress()
    {
        var cabin = Cabin.Create("one", s_home, new CabinSettings { Folder = Folder }, out var device);
        using (device)
        using (var socket = NetworkNamespace.Run(cabin.NamespacePath, () =>
        {
            var guest = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            guest.Bind(new IPEndPoint(IPAddress.Parse("10.97.0.2"), 5000));
            guest.SendTo("hello"u8, new IPEndPoint(IPAddress.Parse("192.0.2.1"), 53));
            return guest;
        }))
        {
            // The kernel's own IPv6 multicast may come first.
            using var tun = new Tun(device);
            var deadline = Environment.TickCount64 + 5000;
            TunPacket packet;
            while (!tun.TryRead(out packet) || packet.Bytes[0] >> 4 != 4)
                Assert.IsTrue(Environment.TickCount64 < deadline, "nothing came out of the cabin");
            Assert.AreEqual(20 + 8 + 5, packet.Bytes.Length);
            CollectionAssert.AreEqual(new byte[] { 10, 97, 0, 2, 192, 0, 2, 1 }, packet.Bytes[12..20].ToArray());
        }
    }

    [TestMethod]
    public void Cabin_TwinDiesWhileManagerHoldsDevice_DeviceKeepsItsCarrier()
    {
        var cabin = Cabin.Create("one", s_home, new CabinSettings { Folder = Folder }, out var device);
        device.Dispose();
        Assert.Contains("NO-CARRIER", Shell.Run(cabin.NamespacePath, "ip link show twins0"), "without any holder it has none");

        using var reopened = cabin.OpenDevice();

        Assert.Contains("LOWER_UP", Shell.Run(cabin.NamespacePath, "ip link show twins0"));
        Assert.Contains("default dev twins0", Shell.Run(cabin.NamespacePath, "ip route show default"));
        Assert.ThrowsExactly<CabinException>(cabin.OpenDevice);
    }

    [TestMethod]
    public void Cabins_ListedAfterRestart_AreThoseThatExist()
    {
        var settings = new CabinSettings { Folder = Folder };
        _ = Cabin.Create("b", s_home, settings, out var first);
        _ = Cabin.Create("a", s_home, settings, out var second);
        using (first)
        using (second)
        {
            Assert.AreEqual("a b", string.Join(' ', Cabin.List(Folder).Select(cabin => cabin.Id)));
            Cabin.List(Folder)[0].Remove();
            Assert.AreEqual("b", Cabin.List(Folder).Single().Id);
        }
    }

    [TestMethod]
    public void Cabin_HomeAddressNotUsable_LeavesNothingBehind()
    {
        Assert.ThrowsExactly<CabinException>(() => Cabin.Create("bad", [InternetAddress.Parse("0.0.0.0"), InternetAddress.Parse("0.0.0.0")], new CabinSettings { Folder = Folder, Mtu = 1 }, out _));
        Assert.IsEmpty(Directory.GetFiles(Folder));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("../x")]
    [DataRow(".x")]
    public void Cabin_NameWithPath_IsRefused(string id) =>
        Assert.ThrowsExactly<ArgumentException>(() => Cabin.Create(id, s_home, new CabinSettings { Folder = Folder }, out _));
}
