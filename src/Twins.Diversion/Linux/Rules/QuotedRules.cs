namespace Twins.Diversion.Linux;

/// <summary>
/// The rules of the chain <c>quoted</c>: which queue an ICMP error belongs to, by the addresses and ports of the packet that it
/// quotes, looked up in the same maps as the packets themselves. Written through netlink (linux/netfilter/nf_tables.h), because
/// nft has no name for a quoted header and refuses a raw one as the key of a map with types.
/// </summary>
internal static class QuotedRules
{
    /// <summary>The chain, made by <see cref="RuleText.Install"/>, which sends it only IPv4 headers without options.</summary>
    public const string Chain = "quoted";

    private const byte NewRule = 6, DeleteRule = 8; // NFT_MSG_*
    private const ushort AppendFlags = 0xC00;       // NLM_F_CREATE, NLM_F_APPEND
    private const ushort ExpressionsAttribute = 4;  // NFTA_RULE_EXPRESSIONS

    // Where the fields of the quoted packet are, counted from the ICMP header: 8 octets of it, 20 of the quoted IPv4 header.
    private static readonly Field Protocol = new(8 + 9, 1);
    private static readonly Field Source = new(8 + 12, 4);
    private static readonly Field Destination = new(8 + 16, 4);
    private static readonly Field SourcePort = new(8 + 20, 2);
    private static readonly Field DestinationPort = new(8 + 22, 2);

    // The quoted packet goes the other way than those that the map was made for: its destination is where they come from.
    private static readonly Field[] Peers = [Protocol, Destination, DestinationPort, Source, SourcePort];
    private static readonly Field[] From = [Protocol, Destination, DestinationPort];
    private static readonly Field[] To = [Protocol, Source, SourcePort];

    /// <summary>Writes the chain's rules anew, in one transaction. The last map that has the packet decides.</summary>
    /// <param name="socket">One of <see cref="NftBatch.OpenSocket"/>.</param>
    /// <exception cref="DiversionException">The kernel refused.</exception>
    public static void Install(FileDescriptor socket) => Write().Run(socket, "write nft rules");

    /// <summary>The transaction.</summary>
    public static NftBatch Write()
    {
        var batch = new NftBatch();
        batch.Begin(DeleteRule, NetlinkWriter.Acknowledge, Chain);
        Add(batch, rule => rule.Load(Peers).Find("lingering4").Accept());
        Add(batch, rule => rule.Load(To).Map("listeners4").SetMark());
        Add(batch, rule => rule.Load(To).Map("leg_destinations4").SetMark());
        Add(batch, rule => rule.Load(From).Map("leg_sources4").SetMark());
        Add(batch, rule => rule.Load(Peers).Map("connections4").SetMark());
        return batch;
    }

    private static void Add(NftBatch batch, Action<RuleExpressions> rule)
    {
        batch.Begin(NewRule, NetlinkWriter.Acknowledge | AppendFlags, Chain);
        batch.Messages.Nest(ExpressionsAttribute, () => rule(new RuleExpressions(batch.Messages)));
    }
}
