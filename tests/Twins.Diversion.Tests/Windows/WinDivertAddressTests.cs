using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Twins.Diversion.Windows;
using Twins.Packets;

namespace Twins.Diversion.Tests;

/// <summary>Sizes and offsets of windivert.h 2.2, as a C compiler lays them out.</summary>
[TestClass]
public sealed class WinDivertAddressTests
{
    [TestMethod]
    public void Address_HasEightyOctets() => Assert.AreEqual(80, Unsafe.SizeOf<WinDivertAddress>());

    [TestMethod]
    [DataRow("Timestamp", 0)]
    [DataRow("Layer", 8)]
    [DataRow("Event", 9)]
    [DataRow("Flags", 10)]
    [DataRow("Network", 16)]
    [DataRow("Socket", 16)]
    [DataRow("Reflect", 16)]
    public void Field_IsWhereTheHeaderHasIt(string field, int offset) => Assert.AreEqual(offset, OffsetIn(default(WinDivertAddress), field));

    [TestMethod]
    [DataRow("InterfaceIndex", 16)]
    [DataRow("SubInterfaceIndex", 20)]
    public void FieldOfAPacket_IsWhereTheHeaderHasIt(string field, int offset) => Assert.AreEqual(offset, 16 + OffsetIn(default(WinDivertNetworkData), field));

    [TestMethod]
    [DataRow("EndpointId", 16)]
    [DataRow("ParentEndpointId", 24)]
    [DataRow("ProcessId", 32)]
    [DataRow("LocalAddress", 36)]
    [DataRow("RemoteAddress", 52)]
    [DataRow("LocalPort", 68)]
    [DataRow("RemotePort", 70)]
    [DataRow("Protocol", 72)]
    public void FieldOfASocket_IsWhereTheHeaderHasIt(string field, int offset) => Assert.AreEqual(offset, 16 + OffsetIn(default(WinDivertSocketData), field));

    [TestMethod]
    [DataRow("Timestamp", 16)]
    [DataRow("ProcessId", 24)]
    [DataRow("Layer", 28)]
    [DataRow("Flags", 32)]
    [DataRow("Priority", 40)]
    public void FieldOfAHandle_IsWhereTheHeaderHasIt(string field, int offset) => Assert.AreEqual(offset, 16 + OffsetIn(default(WinDivertReflectData), field));

    [TestMethod]
    public void SocketEvent_AsTheDriverWritesIt_IsRead()
    {
        // A connect of process 4660 from 10.77.0.2:50000 to 10.77.0.1:80, TCP; everything in host order, the lowest word first.
        var octets = Convert.FromHexString(
            "0102030405060708" + "03" + "04" + "0600" + "00000000"
            + "1100000000000000" + "2200000000000000" + "34120000"
            + "02004D0A" + "FFFF0000" + "00000000" + "00000000"
            + "01004D0A" + "FFFF0000" + "00000000" + "00000000"
            + "50C3" + "5000" + "06" + "00000000000000");
        Assert.HasCount(80, octets);
        var address = MemoryMarshal.Read<WinDivertAddress>(octets);
        Assert.AreEqual(0x0807060504030201, address.Timestamp);
        Assert.AreEqual(WinDivertLayer.Socket, address.Layer);
        Assert.AreEqual(WinDivertEvent.SocketConnect, address.Event);
        Assert.AreEqual(WinDivertAddressFlags.Outbound | WinDivertAddressFlags.Loopback, address.Flags);
        Assert.IsTrue(address.IsOutbound);
        Assert.AreEqual(0x11uL, address.Socket.EndpointId);
        Assert.AreEqual(0x22uL, address.Socket.ParentEndpointId);
        Assert.AreEqual(4660u, address.Socket.ProcessId);
        Assert.AreEqual(Endpoint.Parse("10.77.0.2:50000"), address.Socket.Local);
        Assert.AreEqual(Endpoint.Parse("10.77.0.1:80"), address.Socket.Remote);
        Assert.AreEqual(IpProtocol.Tcp, address.Socket.Protocol);
    }

    [TestMethod]
    public void IPv6AddressOfASocket_ComesLowestWordFirst()
    {
        var data = default(WinDivertSocketData);
        data.LocalAddress[0] = 0x00000002;
        data.LocalAddress[3] = 0xFD770000;
        data.LocalPort = 443;
        Assert.AreEqual(Endpoint.Parse("[fd77::2]:443"), data.Local);
        Assert.AreEqual(Endpoint.Parse("[::]:0"), data.Remote);
    }

    // Marshal.OffsetOf doesn't know an inline array's layout.
    private static int OffsetIn<T>(T value, string field)
        where T : unmanaged
    {
        var all = new byte[Unsafe.SizeOf<T>()];
        var box = (object)value;
        var info = typeof(T).GetField(field)!;
        info.SetValue(box, Ones(info.FieldType));
        MemoryMarshal.Write(all, (T)box);
        return Array.FindIndex(all, octet => octet != 0);
    }

    // A value whose octets are all set.
    private static object Ones(Type type)
    {
        var octets = Enumerable.Repeat((byte)0xFF, (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!).ToArray();
        var read = typeof(WinDivertAddressTests).GetMethod(nameof(Read), System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)!;
        return read.MakeGenericMethod(type).Invoke(null, [octets])!;
    }

    private static T Read<T>(byte[] octets)
        where T : unmanaged => MemoryMarshal.Read<T>(octets);
}
