using System.Buffers.Binary;
using Twins.Packets;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Processes;

/// <summary>The kernel's TCP and UDP sockets of one network namespace, as a process in it sees them.</summary>
internal static class SocketTable
{
    private const byte Internet = 2, Internet6 = 10; // AF_INET, AF_INET6
    private const int RequestBytes = 56;             // struct inet_diag_req_v2
    private const int MessageBytes = 72;             // struct inet_diag_msg
    private const byte WantInfo = 1 << (Info - 1);   // inet_diag_req_v2.idiag_ext
    private const ushort Info = 2;                   // INET_DIAG_INFO
    private const int BytesAcknowledged = 120, BytesReceived = 128; // in struct tcp_info (linux/tcp.h)
    private const uint StatesOfRfc9293 = 0xFFE;      // TCP_ESTABLISHED (1) to TCP_CLOSING (11)

    /// <summary>The sockets of both families, in the namespace of a process; none when it has ended.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel refused.</exception>
    public static List<SocketRow> Read(int pid, IpProtocol protocol)
    {
        var rows = new List<SocketRow>();
        try
        {
            SocketDiagnosis.Dump(pid, [Request(Internet, protocol), Request(Internet6, protocol)], message =>
            {
                if (TryParse(message, out var row))
                    rows.Add(row);
            });
        }
        catch (IOException)
        {
            rows.Clear();
        }

        return rows;
    }

    /// <summary>How far the TCP connections of both families have come, in the namespace of a process; none when it has ended.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel refused.</exception>
    public static Dictionary<(Endpoint Local, Endpoint Remote), TcpProgress> ReadProgress(int pid)
    {
        var found = new Dictionary<(Endpoint, Endpoint), TcpProgress>();
        try
        {
            SocketDiagnosis.Dump(pid, [Request(Internet, IpProtocol.Tcp, WantInfo), Request(Internet6, IpProtocol.Tcp, WantInfo)], message =>
            {
                if (TryParse(message, out var row) && TryParseProgress(message, row, out var progress))
                    found[(row.Local, row.Remote)] = progress;
            });
        }
        catch (IOException)
        {
            found.Clear();
        }

        return found;
    }

    /// <summary>Parses the struct tcp_info that follows a struct inet_diag_msg; false where there is none, or it is older than Linux 4.1.</summary>
    public static bool TryParseProgress(ReadOnlySpan<byte> message, SocketRow row, out TcpProgress progress)
    {
        progress = default;
        for (var rest = message[MessageBytes..]; rest.Length >= 4;)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(rest);
            if (length < 4 || length > rest.Length)
                return false;
            if (BinaryPrimitives.ReadUInt16LittleEndian(rest[2..]) == Info)
            {
                var info = rest[4..length];
                if (info.Length < BytesReceived + sizeof(ulong))
                    return false;
                progress = new TcpProgress(
                    row.SendQueue,
                    BinaryPrimitives.ReadUInt64LittleEndian(info[BytesAcknowledged..]),
                    row.ReceiveQueue,
                    BinaryPrimitives.ReadUInt64LittleEndian(info[BytesReceived..]) - row.ReceiveQueue);
                return true;
            }

            rest = rest[Math.Min(SocketDiagnosis.Align(length), rest.Length)..];
        }

        return false;
    }

    /// <summary>Parses a struct inet_diag_msg (linux/inet_diag.h): ports and addresses in network order, the rest in the machine's.</summary>
    public static bool TryParse(ReadOnlySpan<byte> message, out SocketRow row)
    {
        row = default;
        if (message.Length < MessageBytes || message[0] is not (Internet or Internet6))
            return false;
        var family = message[0] == Internet ? 4 : 6;
        row = new SocketRow(
            family,
            message[1],
            EndpointAt(family, message[8..24], message[4..]),
            EndpointAt(family, message[24..40], message[6..]),
            SendQueue: BinaryPrimitives.ReadUInt32LittleEndian(message[60..]),
            ReceiveQueue: BinaryPrimitives.ReadUInt32LittleEndian(message[56..]),
            BinaryPrimitives.ReadUInt32LittleEndian(message[68..]));
        return true;
    }

    private static byte[] Request(byte family, IpProtocol protocol, byte extensions = 0)
    {
        var request = new byte[RequestBytes];
        (request[0], request[1], request[2]) = (family, (byte)protocol, extensions);
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(4), StatesOfRfc9293);
        return request;
    }

    private static Endpoint EndpointAt(int family, ReadOnlySpan<byte> address, ReadOnlySpan<byte> port)
    {
        var octets = family == 4 ? address[..4] : address.StartsWith(MappedPrefix) ? address[12..] : address;
        return new Endpoint(InternetAddress.FromBytes(octets), BinaryPrimitives.ReadUInt16BigEndian(port));
    }

    private static ReadOnlySpan<byte> MappedPrefix => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
}
