using System.Buffers.Binary;
using System.ComponentModel;
using Twins.Packets;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Processes.Windows;

/// <summary>The machine's TCP and UDP sockets of both families, with their processes (GetExtendedTcpTable, GetExtendedUdpTable).</summary>
internal static class WindowsSocketTable
{
    private const uint Internet = 2, Internet6 = 23;           // AF_INET, AF_INET6
    private const uint TcpOwnerPidAll = 5, UdpOwnerPid = 1;    // TCP_TABLE_OWNER_PID_ALL, UDP_TABLE_OWNER_PID
    private const int CountBytes = 4;
    private const int TcpRowBytes = 24, Tcp6RowBytes = 56;     // MIB_TCPROW_OWNER_PID, MIB_TCP6ROW_OWNER_PID
    private const int UdpRowBytes = 12, Udp6RowBytes = 28;     // MIB_UDPROW_OWNER_PID, MIB_UDP6ROW_OWNER_PID
    private const int ReserveBytes = 64 * Tcp6RowBytes;        // for what comes up between the question and the answer
    private const int MostBytes = 256 << 20;
    private const int MostAttempts = 10;

    private delegate OwnedRow Parser(ReadOnlySpan<byte> row);

    /// <summary>All TCP sockets; the state of each is one of <see cref="TcpState"/>.</summary>
    /// <exception cref="Win32Exception">The system doesn't give its table.</exception>
    public static List<OwnedRow> ReadTcp() =>
        [.. Parse(Read(isTcp: true, Internet), TcpRowBytes, ParseTcp), .. Parse(Read(isTcp: true, Internet6), Tcp6RowBytes, ParseTcp6)];

    /// <summary>All bound UDP sockets. Whether they are connected is not in the table.</summary>
    /// <exception cref="Win32Exception">The system doesn't give its table.</exception>
    public static List<OwnedRow> ReadUdp() =>
        [.. Parse(Read(isTcp: false, Internet), UdpRowBytes, ParseUdp), .. Parse(Read(isTcp: false, Internet6), Udp6RowBytes, ParseUdp6)];

    /// <summary>Parses a MIB_TCPROW_OWNER_PID (tcpmib.h): addresses and ports in network order, the rest in the machine's.</summary>
    internal static OwnedRow ParseTcp(ReadOnlySpan<byte> row) =>
        Tcp(4, Number(row), EndpointAt(row[4..8], row[8..]), EndpointAt(row[12..16], row[16..]), Number(row[20..]));

    /// <summary>Parses a MIB_TCP6ROW_OWNER_PID (tcpmib.h); scope identifiers are not carried.</summary>
    internal static OwnedRow ParseTcp6(ReadOnlySpan<byte> row) =>
        Tcp(6, Number(row[48..]), EndpointAt(row[..16], row[20..]), EndpointAt(row[24..40], row[44..]), Number(row[52..]));

    /// <summary>Parses a MIB_UDPROW_OWNER_PID (udpmib.h).</summary>
    internal static OwnedRow ParseUdp(ReadOnlySpan<byte> row) => Udp(4, EndpointAt(row[..4], row[4..]), Number(row[8..]));

    /// <summary>Parses a MIB_UDP6ROW_OWNER_PID (udpmib.h); the scope identifier is not carried.</summary>
    internal static OwnedRow ParseUdp6(ReadOnlySpan<byte> row) => Udp(6, EndpointAt(row[..16], row[20..]), Number(row[24..]));

    /// <summary>A table of either protocol. How large it is has to be asked first, and it may have grown when it is read.</summary>
    private static byte[] Read(bool isTcp, uint family)
    {
        byte[] table = [];
        var error = Native.ErrorInsufficientBuffer;
        for (var attempt = 0; attempt < MostAttempts && error == Native.ErrorInsufficientBuffer; attempt++)
        {
            var bytes = (uint)table.Length;
            error = isTcp
                ? Native.GetExtendedTcpTable(table, ref bytes, sorted: false, family, TcpOwnerPidAll, reserved: 0)
                : Native.GetExtendedUdpTable(table, ref bytes, sorted: false, family, UdpOwnerPid, reserved: 0);
            if (error == 0)
                return table;
            if (bytes > MostBytes)
                break;
            table = new byte[bytes + ReserveBytes];
        }

        var call = isTcp ? nameof(Native.GetExtendedTcpTable) : nameof(Native.GetExtendedUdpTable);
        throw new Win32Exception((int)error, error == Native.ErrorInsufficientBuffer
            ? $"The machine's sockets can't be read: their table ({call}) is too large or grows too fast. Try again when fewer connections come up."
            : $"The machine's sockets can't be read ({call}): {new Win32Exception((int)error).Message}");
    }

    private static List<OwnedRow> Parse(ReadOnlySpan<byte> table, int rowBytes, Parser parse)
    {
        var rows = new List<OwnedRow>();
        if (table.Length < CountBytes)
            return rows;
        var count = Number(table);
        for (var rest = table[CountBytes..]; rows.Count < count && rest.Length >= rowBytes; rest = rest[rowBytes..])
            rows.Add(parse(rest[..rowBytes]));
        return rows;
    }

    /// <summary>A listener's remote end has no meaning, and not always zeros.</summary>
    private static OwnedRow Tcp(int family, int mibState, Endpoint local, Endpoint remote, int pid)
    {
        var state = StateOf(mibState);
        return new OwnedRow(new SocketRow(family, (int)state, local, state == TcpState.Listen ? Nobody(family) : remote, 0, 0, 0), pid);
    }

    private static OwnedRow Udp(int family, Endpoint local, int pid) =>
        new(new SocketRow(family, (int)TcpState.Closed, local, Nobody(family), 0, 0, 0), pid);

    /// <summary>MIB_TCP_STATE (tcpmib.h). DELETE_TCB is about to be nothing, and what is unknown is no connection.</summary>
    private static TcpState StateOf(int state) => state switch
    {
        2 => TcpState.Listen,
        3 => TcpState.SynSent,
        4 => TcpState.SynReceived,
        5 => TcpState.Established,
        6 => TcpState.FinWait1,
        7 => TcpState.FinWait2,
        8 => TcpState.CloseWait,
        9 => TcpState.Closing,
        10 => TcpState.LastAck,
        11 => TcpState.TimeWait,
        _ => TcpState.Closed,
    };

    private static Endpoint Nobody(int family) => new(family == 4 ? InternetAddress.FromIPv4(0) : default, 0);

    private static int Number(ReadOnlySpan<byte> field) => BinaryPrimitives.ReadInt32LittleEndian(field);

    /// <summary>A port is the first half of its field; the rest may be anything.</summary>
    private static Endpoint EndpointAt(ReadOnlySpan<byte> address, ReadOnlySpan<byte> port) =>
        new(InternetAddress.FromBytes(address.StartsWith(MappedPrefix) ? address[12..] : address), BinaryPrimitives.ReadUInt16BigEndian(port));

    private static ReadOnlySpan<byte> MappedPrefix => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
}
