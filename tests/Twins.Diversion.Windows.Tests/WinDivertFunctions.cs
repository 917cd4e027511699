using System.Runtime.InteropServices;
using System.Text;

namespace Twins.Diversion.Windows.Tests;

/// <summary>The functions of the real WinDivert.dll that need no driver.</summary>
internal static unsafe class WinDivertFunctions
{
    /// <summary>Whether a filter takes a packet of that direction.</summary>
    public static bool Takes(PacketFilter filter, byte[] packet, bool isOutbound)
    {
        var address = Address(packet, isOutbound);
        fixed (byte* octets = packet)
            return WinDivertLibrary.EvaluateFilter(filter.ToString(), octets, (uint)packet.Length, &address);
    }

    /// <summary>Whether a filter takes an event, which has no packet.</summary>
    public static bool Takes(string filter, WinDivertAddress happened) => WinDivertLibrary.EvaluateFilter(filter, null, 0, &happened);

    /// <summary>What is wrong with a filter; empty: nothing.</summary>
    public static string Compile(string filter)
    {
        byte* text = null;
        uint position;
        var compiled = stackalloc byte[WinDivertLibrary.FilterObjectBytes];
        return WinDivertLibrary.CompileFilter(filter, (int)WinDivertLayer.Network, compiled, WinDivertLibrary.FilterObjectBytes, &text, &position)
            ? ""
            : $"{Marshal.PtrToStringUTF8((nint)text)} at {position}: {filter[(int)position..]}";
    }

    /// <summary>A filter as WinDivert writes it back.</summary>
    public static string Format(string filter)
    {
        var compiled = stackalloc byte[WinDivertLibrary.FilterObjectBytes];
        var text = new byte[64 << 10];
        Assert.IsTrue(WinDivertLibrary.CompileFilter(filter, (int)WinDivertLayer.Network, compiled, WinDivertLibrary.FilterObjectBytes, null, null), filter);
        fixed (byte* characters = text)
            Assert.IsTrue(WinDivertLibrary.FormatFilter(compiled, (int)WinDivertLayer.Network, characters, (uint)text.Length), filter);
        return Encoding.UTF8.GetString(text, 0, Array.IndexOf(text, (byte)0));
    }

    /// <summary>Puts right sums into a packet.</summary>
    public static bool Finish(byte[] packet)
    {
        var address = Address(packet, isOutbound: true);
        fixed (byte* octets = packet)
            return WinDivertLibrary.CalculateChecksums(octets, (uint)packet.Length, &address, 0);
    }

    private static WinDivertAddress Address(byte[] packet, bool isOutbound) => new()
    {
        Layer = WinDivertLayer.Network,
        Event = WinDivertEvent.NetworkPacket,
        Flags = (isOutbound ? WinDivertAddressFlags.Outbound : 0) | (packet[0] >> 4 == 6 ? WinDivertAddressFlags.IPv6 : 0),
    };
}
