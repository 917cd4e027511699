using System.Buffers.Binary;
using System.Globalization;
using Twins.Packets;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Processes;

/// <summary>The kernel's socket tables of one network namespace, as a process in it sees them.</summary>
internal static class SocketTable
{
    /// <summary>The rows for IPv4 and IPv6 of <c>tcp</c> or <c>udp</c>, in the namespace of a process.</summary>
    public static IEnumerable<SocketRow> Read(int pid, string protocol) =>
        ReadFile(pid, protocol, 4).Concat(ReadFile(pid, protocol + "6", 6));

    private static IEnumerable<SocketRow> ReadFile(int pid, string name, int family)
    {
        foreach (var line in ProcFile.ReadLines(FormattableString.Invariant($"/proc/{pid}/net/{name}")).Skip(1))
        {
            if (TryParse(line, family, out var row))
                yield return row;
        }
    }

    /// <summary>Parses a line: number, local, remote, state, queues, timer, retransmits, uid, timeout, inode, ...</summary>
    public static bool TryParse(string line, int family, out SocketRow row)
    {
        row = default;
        var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length < 10 || !TryParseEndpoint(fields[1], out var local) || !TryParseEndpoint(fields[2], out var remote)
            || !TryParseHex(fields[3], out var state) || fields[4].Length != 17
            || !TryParseHex(fields[4].AsSpan(0, 8), out var send) || !TryParseHex(fields[4].AsSpan(9), out var receive)
            || !ulong.TryParse(fields[9], NumberStyles.None, CultureInfo.InvariantCulture, out var inode))
        {
            return false;
        }

        row = new SocketRow(family, (int)state, local, remote, send, receive, inode);
        return true;
    }

    private static bool TryParseHex(ReadOnlySpan<char> digits, out uint value) =>
        uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);

    /// <summary>The address is printed in words of the machine's byte order (this program runs on little-endian machines only).</summary>
    private static bool TryParseEndpoint(string text, out Endpoint endpoint)
    {
        endpoint = default;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon is not (8 or 32) || !TryParseHex(text.AsSpan(colon + 1), out var port) || port > ushort.MaxValue)
            return false;
        Span<byte> octets = stackalloc byte[16];
        for (var word = 0; word < colon / 8; word++)
        {
            if (!TryParseHex(text.AsSpan(word * 8, 8), out var value))
                return false;
            BinaryPrimitives.WriteUInt32LittleEndian(octets[(word * 4)..], value);
        }

        var isMapped = colon == 32 && octets[..12].SequenceEqual(MappedPrefix);
        endpoint = new Endpoint(InternetAddress.FromBytes(isMapped ? octets[12..] : octets[..(colon / 2)]), (ushort)port);
        return true;
    }

    private static ReadOnlySpan<byte> MappedPrefix => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
}
