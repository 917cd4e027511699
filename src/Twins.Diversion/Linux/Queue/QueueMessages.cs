using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>
/// The messages of nfnetlink_queue, as far as we speak it (linux/netfilter/nfnetlink_queue.h). Headers are in host order, what
/// the attributes hold in network order; each attribute is padded to four octets.
/// </summary>
internal static class QueueMessages
{
    public const int HeaderBytes = 20; // nlmsghdr 16, nfgenmsg 4
    public const int VerdictBytes = HeaderBytes + 12 + 8;
    public const int BatchVerdictBytes = HeaderBytes + 12;

    public const ushort ErrorType = 2; // NLMSG_ERROR
    public const ushort PacketType = Subsystem | 0;
    public const ushort VerdictType = Subsystem | 1;
    public const ushort ConfigType = Subsystem | 2;
    public const ushort BatchVerdictType = Subsystem | 3;

    public const uint Drop = 0;
    public const uint Accept = 1;

    private const ushort Subsystem = 3 << 8; // NFNL_SUBSYS_QUEUE
    private const ushort RequestFlag = 1;
    private const ushort AcknowledgeFlag = 4;
    private const ushort AttributeTypeMask = 0x3FFF;

    private static class Attribute
    {
        public const ushort PacketHeader = 1;
        public const ushort VerdictHeader = 2;
        public const ushort Mark = 3;
        public const ushort Payload = 10;
        public const ushort CapturedLength = 13;
        public const ushort BufferInformation = 14;
        public const ushort ConfigCommand = 1;
        public const ushort ConfigParameters = 2;
        public const ushort ConfigMaximumLength = 3;
        public const ushort ConfigMask = 4;
        public const ushort ConfigFlags = 5;
    }

    /// <summary>A configuration message that is acknowledged: the queue belongs to this socket.</summary>
    /// <returns>Octets written.</returns>
    public static int WriteBind(Span<byte> buffer, ushort queue, uint sequence) =>
        WriteCommand(buffer, queue, RequestFlag | AcknowledgeFlag, sequence, command: 1); // NFQNL_CFG_CMD_BIND

    /// <summary>A configuration message that is not acknowledged: the queue is nobody's again.</summary>
    /// <returns>Octets written.</returns>
    public static int WriteUnbind(Span<byte> buffer, ushort queue) =>
        WriteCommand(buffer, queue, RequestFlag, sequence: 0, command: 2); // NFQNL_CFG_CMD_UNBIND

    /// <summary>A configuration message that is acknowledged: whole packets, queue length and flags.</summary>
    /// <returns>Octets written.</returns>
    public static int WriteParameters(Span<byte> buffer, ushort queue, uint sequence, uint maximumPackets, uint flags, uint flagsMask)
    {
        WriteHeader(buffer, ConfigType, RequestFlag | AcknowledgeFlag, queue, sequence);
        var at = HeaderBytes;
        // nfqnl_msg_config_params: range 0 is as much as an attribute can carry (65,531), mode NFQNL_COPY_PACKET.
        WriteAttribute(buffer, ref at, Attribute.ConfigParameters, [0, 0, 0, 0, 2]);
        WriteAttribute(buffer, ref at, Attribute.ConfigMaximumLength, maximumPackets);
        WriteAttribute(buffer, ref at, Attribute.ConfigFlags, flags);
        WriteAttribute(buffer, ref at, Attribute.ConfigMask, flagsMask);
        return Finish(buffer, at);
    }

    /// <summary>A configuration message that is not acknowledged: flags alone.</summary>
    /// <returns>Octets written.</returns>
    public static int WriteFlags(Span<byte> buffer, ushort queue, uint flags, uint flagsMask)
    {
        WriteHeader(buffer, ConfigType, RequestFlag, queue, 0);
        var at = HeaderBytes;
        WriteAttribute(buffer, ref at, Attribute.ConfigFlags, flags);
        WriteAttribute(buffer, ref at, Attribute.ConfigMask, flagsMask);
        return Finish(buffer, at);
    }

    /// <summary>The verdict on one packet, which takes its mark off.</summary>
    /// <returns>Octets written: <see cref="VerdictBytes"/>.</returns>
    public static int WriteVerdict(Span<byte> buffer, ushort queue, uint verdict, uint id)
    {
        WriteHeader(buffer, VerdictType, RequestFlag, queue, 0);
        var at = HeaderBytes;
        WriteVerdictHeader(buffer, ref at, verdict, id);
        WriteAttribute(buffer, ref at, Attribute.Mark, 0);
        return Finish(buffer, at);
    }

    /// <summary>The verdict on all packets up to and including this one that are still in the queue.</summary>
    /// <returns>Octets written: <see cref="BatchVerdictBytes"/>.</returns>
    public static int WriteBatchVerdict(Span<byte> buffer, ushort queue, uint verdict, uint lastId)
    {
        WriteHeader(buffer, BatchVerdictType, RequestFlag, queue, 0);
        var at = HeaderBytes;
        WriteVerdictHeader(buffer, ref at, verdict, lastId);
        return Finish(buffer, at);
    }

    /// <summary>Reads a packet message.</summary>
    /// <returns>Whether the datagram is one, with an id and a payload.</returns>
    public static bool TryReadPacket(ReadOnlySpan<byte> datagram, out QueuedPacket packet)
    {
        packet = default;
        if (datagram.Length < HeaderBytes || MemoryMarshal.Read<ushort>(datagram[4..]) != PacketType)
            return false;
        var total = MemoryMarshal.Read<uint>(datagram);
        if (total < HeaderBytes || total > datagram.Length)
            return false;
        var end = (int)total;
        var at = HeaderBytes;
        var hasId = false;
        while (end - at >= 4)
        {
            var length = MemoryMarshal.Read<ushort>(datagram[at..]);
            var type = MemoryMarshal.Read<ushort>(datagram[(at + 2)..]) & AttributeTypeMask;
            if (length < 4 || length > end - at)
                return false;
            var value = datagram.Slice(at + 4, length - 4);
            switch (type)
            {
                case Attribute.PacketHeader when value.Length >= 7:
                    packet.Id = BinaryPrimitives.ReadUInt32BigEndian(value);
                    hasId = true;
                    break;
                case Attribute.Mark when value.Length >= 4:
                    packet.Mark = BinaryPrimitives.ReadUInt32BigEndian(value);
                    break;
                case Attribute.CapturedLength when value.Length >= 4:
                    packet.WholeLength = BinaryPrimitives.ReadUInt32BigEndian(value);
                    break;
                case Attribute.BufferInformation when value.Length >= 4:
                    packet.BufferFlags = BinaryPrimitives.ReadUInt32BigEndian(value);
                    break;
                case Attribute.Payload:
                    packet.PayloadOffset = at + 4;
                    packet.PayloadLength = value.Length;
                    break;
            }

            at += (length + 3) & ~3;
        }

        return hasId && packet.PayloadOffset > 0;
    }

    /// <summary>Reads an acknowledgement or a refusal.</summary>
    /// <returns>Whether the datagram is one.</returns>
    public static bool TryReadError(ReadOnlySpan<byte> datagram, out int errno, out uint sequence)
    {
        (errno, sequence) = (0, 0);
        if (datagram.Length < HeaderBytes || MemoryMarshal.Read<ushort>(datagram[4..]) != ErrorType)
            return false;
        sequence = MemoryMarshal.Read<uint>(datagram[8..]);
        errno = -MemoryMarshal.Read<int>(datagram[16..]);
        return true;
    }

    private static int WriteCommand(Span<byte> buffer, ushort queue, ushort messageFlags, uint sequence, byte command)
    {
        WriteHeader(buffer, ConfigType, messageFlags, queue, sequence);
        var at = HeaderBytes;
        // nfqnl_msg_config_cmd: the command, a pad octet, the protocol family (unused since Linux 3.8).
        WriteAttribute(buffer, ref at, Attribute.ConfigCommand, [command, 0, 0, 0]);
        return Finish(buffer, at);
    }

    private static void WriteHeader(Span<byte> buffer, ushort type, ushort flags, ushort queue, uint sequence)
    {
        buffer[..HeaderBytes].Clear();
        MemoryMarshal.Write(buffer[4..], type);
        MemoryMarshal.Write(buffer[6..], flags);
        MemoryMarshal.Write(buffer[8..], sequence);
        BinaryPrimitives.WriteUInt16BigEndian(buffer[18..], queue);
    }

    private static void WriteVerdictHeader(Span<byte> buffer, ref int at, uint verdict, uint id)
    {
        Span<byte> value = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(value, verdict);
        BinaryPrimitives.WriteUInt32BigEndian(value[4..], id);
        WriteAttribute(buffer, ref at, Attribute.VerdictHeader, value);
    }

    private static void WriteAttribute(Span<byte> buffer, ref int at, ushort type, uint value)
    {
        Span<byte> octets = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(octets, value);
        WriteAttribute(buffer, ref at, type, octets);
    }

    private static void WriteAttribute(Span<byte> buffer, ref int at, ushort type, ReadOnlySpan<byte> value)
    {
        MemoryMarshal.Write(buffer[at..], (ushort)(value.Length + 4));
        MemoryMarshal.Write(buffer[(at + 2)..], type);
        value.CopyTo(buffer[(at + 4)..]);
        var padded = (value.Length + 3) & ~3;
        buffer.Slice(at + 4 + value.Length, padded - value.Length).Clear();
        at += 4 + padded;
    }

    private static int Finish(Span<byte> buffer, int length)
    {
        MemoryMarshal.Write(buffer, (uint)length);
        return length;
    }
}
