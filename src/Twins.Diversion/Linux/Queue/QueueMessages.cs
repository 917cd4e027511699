using System.Buffers.Binary;

namespace Twins.Diversion.Linux;

/// <summary>
/// The messages of nfnetlink_queue, as far as we speak it (linux/netfilter/nfnetlink_queue.h).
/// </summary>
internal static class QueueMessages
{
    public const uint Drop = 0;
    public const uint Accept = 1;

    private const ushort Subsystem = 3 << 8; // NFNL_SUBSYS_QUEUE
    private const ushort PacketType = Subsystem | 0;
    private const ushort VerdictType = Subsystem | 1;
    private const ushort ConfigType = Subsystem | 2;
    private const ushort BatchVerdictType = Subsystem | 3;
    private const int NetfilterHeaderBytes = 4; // nfgenmsg

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
    public static void WriteBind(NetlinkWriter writer, ushort queue, uint sequence) =>
        WriteCommand(writer, queue, NetlinkWriter.Acknowledge, sequence, command: 1); // NFQNL_CFG_CMD_BIND

    /// <summary>A configuration message that is not acknowledged: the queue is nobody's again.</summary>
    public static void WriteUnbind(NetlinkWriter writer, ushort queue) =>
        WriteCommand(writer, queue, flags: 0, sequence: 0, command: 2); // NFQNL_CFG_CMD_UNBIND

    /// <summary>A configuration message that is acknowledged: whole packets, queue length and flags.</summary>
    public static void WriteParameters(NetlinkWriter writer, ushort queue, uint sequence, uint maximumPackets, uint flags, uint flagsMask)
    {
        Begin(writer, ConfigType, NetlinkWriter.Acknowledge, queue, sequence);
        // nfqnl_msg_config_params: range 0 is as much as an attribute can carry (65,531), mode NFQNL_COPY_PACKET.
        writer.Attribute(Attribute.ConfigParameters, 5)[4] = 2;
        writer.Number(Attribute.ConfigMaximumLength, maximumPackets);
        WriteFlagAttributes(writer, flags, flagsMask);
    }

    /// <summary>A configuration message that is not acknowledged: flags alone.</summary>
    public static void WriteFlags(NetlinkWriter writer, ushort queue, uint flags, uint flagsMask)
    {
        Begin(writer, ConfigType, 0, queue, 0);
        WriteFlagAttributes(writer, flags, flagsMask);
    }

    /// <summary>The verdict on one packet, which takes its mark off.</summary>
    public static void WriteVerdict(NetlinkWriter writer, ushort queue, uint verdict, uint id)
    {
        WriteVerdict(writer, VerdictType, queue, verdict, id);
        writer.Number(Attribute.Mark, 0);
    }

    /// <summary>The verdict on all packets up to and including this one that are still in the queue.</summary>
    public static void WriteBatchVerdict(NetlinkWriter writer, ushort queue, uint verdict, uint lastId) =>
        WriteVerdict(writer, BatchVerdictType, queue, verdict, lastId);

    /// <summary>Reads a packet message.</summary>
    /// <returns>Whether the datagram is one, with an id and a payload.</returns>
    public static bool TryReadPacket(ReadOnlySpan<byte> datagram, out QueuedPacket packet)
    {
        packet = default;
        if (!NetlinkMessage.TryTake(ref datagram, out var message) || message.Type != PacketType || message.Content.Length < NetfilterHeaderBytes)
            return false;
        var attributes = message.Content[NetfilterHeaderBytes..];
        var end = NetlinkMessage.HeaderBytes + message.Content.Length;
        var at = end - attributes.Length;
        var hasId = false;
        while (NetlinkMessage.TryTakeAttribute(ref attributes, out var type, out var value))
        {
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

            at = end - attributes.Length;
        }

        // Four octets or more that are left are no attribute.
        return attributes.Length < 4 && hasId && packet.PayloadOffset > 0;
    }

    private static void WriteCommand(NetlinkWriter writer, ushort queue, ushort flags, uint sequence, byte command)
    {
        Begin(writer, ConfigType, flags, queue, sequence);
        // nfqnl_msg_config_cmd: the command, a pad octet, the protocol family (unused since Linux 3.8).
        writer.Attribute(Attribute.ConfigCommand, 4)[0] = command;
    }

    private static void WriteFlagAttributes(NetlinkWriter writer, uint flags, uint mask)
    {
        writer.Number(Attribute.ConfigFlags, flags);
        writer.Number(Attribute.ConfigMask, mask);
    }

    private static void WriteVerdict(NetlinkWriter writer, ushort type, ushort queue, uint verdict, uint id)
    {
        Begin(writer, type, 0, queue, 0);
        var header = writer.Attribute(Attribute.VerdictHeader, 8);
        BinaryPrimitives.WriteUInt32BigEndian(header, verdict);
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], id);
    }

    private static void Begin(NetlinkWriter writer, ushort type, ushort flags, ushort queue, uint sequence) =>
        writer.BeginNetfilter(type, flags, sequence, family: 0, resource: queue);
}
