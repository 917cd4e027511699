using System.Buffers.Binary;

namespace Twins.Diversion.Linux;

/// <summary>
/// The kernel's count of what the own sockets of diverted connections and listeners would have sent. It is a counter of our nft
/// table and goes with it. Read through netlink (linux/netfilter/nf_tables.h): libnftables would read the whole table for it.
/// </summary>
internal static class SilencedCounter
{
    public const string Name = "silenced";

    private const byte NewObject = 18, GetObject = 19; // NFT_MSG_*
    private const uint CounterKind = 1;                // NFT_OBJECT_COUNTER
    private const int DataAttribute = 4;               // NFTA_OBJ_DATA
    private const int PacketsAttribute = 2;            // NFTA_COUNTER_PACKETS
    private const int NetfilterHeaderBytes = 4;        // struct nfgenmsg

    /// <summary>Packets counted; 0 without the table. For one thread at a time on a socket.</summary>
    /// <param name="socket">One of <see cref="NftBatch.OpenSocket"/>.</param>
    public static long Read(FileDescriptor socket)
    {
        var writer = new NetlinkWriter();
        writer.BeginNetfilter(NftBatch.TypeOf(GetObject), 0, 1, NftBatch.FamilyInet, resource: 0);
        // NFTA_OBJ_TABLE, NFTA_OBJ_NAME, NFTA_OBJ_TYPE.
        writer.Text(1, RuleText.TableName);
        writer.Text(2, Name);
        writer.Number(3, CounterKind);
        if (!writer.TrySend(socket))
            return 0;
        var packets = 0L;
        var buffer = new byte[4096];
        while (NetlinkMessage.Receive(socket, buffer) is { Length: > 0 } answers)
        {
            while (NetlinkMessage.TryTake(ref answers, out var answer))
            {
                if (answer.Type == NftBatch.TypeOf(NewObject) && answer.Content.Length > NetfilterHeaderBytes)
                    packets = PacketsOf(answer.Content[NetfilterHeaderBytes..]);
            }
        }

        return packets;
    }

    private static long PacketsOf(ReadOnlySpan<byte> counter)
    {
        var packets = Find(Find(counter, DataAttribute), PacketsAttribute);
        return packets.Length == sizeof(long) ? BinaryPrimitives.ReadInt64BigEndian(packets) : 0;
    }

    private static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> attributes, int wanted)
    {
        while (NetlinkMessage.TryTakeAttribute(ref attributes, out var type, out var value))
        {
            if (type == wanted)
                return value;
        }

        return [];
    }
}
