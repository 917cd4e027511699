using System.Buffers.Binary;
using Twins.Packets;

namespace Twins.Diversion.Linux;

/// <summary>
/// Takes elements out of our maps and puts others in, through netlink (linux/netfilter/nf_tables.h). Written like this ten
/// thousand elements cost the kernel's own time; as text for libnftables they cost many times that.
/// </summary>
internal static class ElementMessages
{
    private const byte NewElements = 12, DeleteElements = 14;
    private const ushort CreateFlag = 0x400;
    private const ushort ElementsAttribute = 3;               // NFTA_SET_ELEM_LIST_ELEMENTS
    private const ushort ElementAttribute = 1;                // NFTA_LIST_ELEM
    private const ushort KeyAttribute = 1, DataAttribute = 2; // NFTA_SET_ELEM_*
    private const ushort ValueAttribute = 1;                  // NFTA_DATA_VALUE
    private const int LongestElement = 4 + 4 + 4 + 44 + 4 + 4 + 4;

    // An attribute's length has 16 bits.
    private const int LongestList = 0xFFFF - LongestElement;

    /// <summary>The whole transaction: first what goes, then what comes.</summary>
    public static NftBatch Write(TargetChanges changes)
    {
        var batch = new NftBatch();
        WriteAll(batch, DeleteElements, 0, changes.Gone);
        WriteAll(batch, NewElements, CreateFlag, changes.Come);
        return batch;
    }

    private static void WriteAll(NftBatch batch, byte type, ushort flags, IReadOnlyCollection<KeyValuePair<DivertTarget, ushort>> targets)
    {
        var writer = batch.Messages;
        foreach (var map in targets.GroupBy(target => RuleText.MapOf(target.Key)))
        {
            int? list = null;
            foreach (var (target, queue) in map)
            {
                if (list is null || writer.Length - list > LongestList)
                {
                    if (list is { } full)
                        writer.EndNest(full);
                    batch.Begin(type, flags, map.Key);
                    list = writer.BeginNest(ElementsAttribute);
                }

                WriteElement(writer, target, queue, withData: type == NewElements && target.IsQueued);
            }

            writer.EndNest(list!.Value);
        }
    }

    private static void WriteElement(NetlinkWriter writer, DivertTarget target, ushort queue, bool withData)
    {
        var element = writer.BeginNest(ElementAttribute);
        var key = writer.BeginNest(KeyAttribute);
        var hasPeer = target.Kind is DivertKind.Connection or DivertKind.Lingering;
        // Each part of a key fills whole registers of four octets.
        var endpointBytes = target.Local.Address.Length + 4;
        var value = writer.Attribute(ValueAttribute, 4 + (hasPeer ? 2 : 1) * endpointBytes);
        value[0] = (byte)target.Protocol;
        if (hasPeer)
            WriteEndpoint(value[4..], target.Peer);
        WriteEndpoint(value[^endpointBytes..], target.Local);
        writer.EndNest(key);
        if (withData)
        {
            var data = writer.BeginNest(DataAttribute);
            writer.HostNumber(ValueAttribute, Marks.ForQueue(queue));
            writer.EndNest(data);
        }

        writer.EndNest(element);
    }

    private static void WriteEndpoint(Span<byte> octets, Endpoint endpoint)
    {
        endpoint.Address.WriteTo(octets);
        BinaryPrimitives.WriteUInt16BigEndian(octets[endpoint.Address.Length..], endpoint.Port);
    }
}
