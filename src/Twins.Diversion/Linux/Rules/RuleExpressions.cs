namespace Twins.Diversion.Linux;

/// <summary>The expressions of one nft rule, in the order in which the kernel works through them (linux/netfilter/nf_tables.h).</summary>
internal sealed class RuleExpressions(NetlinkWriter writer)
{
    private const uint FirstRegister = 8;   // NFT_REG32_00; a key lies in consecutive ones, four octets each
    private const uint ValueRegister = 20;  // NFT_REG32_12, beyond the longest key
    private const uint TransportHeader = 2; // NFT_PAYLOAD_TRANSPORT_HEADER
    private const uint MarkKey = 3;         // NFT_META_MARK
    private const uint AcceptVerdict = 1;   // NF_ACCEPT

    /// <summary>Puts the fields together to a key. A packet that is too short for them leaves the rule.</summary>
    public RuleExpressions Load(ReadOnlySpan<Field> fields)
    {
        var register = FirstRegister;
        foreach (var field in fields)
        {
            var dataRegister = register++;
            Add("payload", () =>
            {
                writer.Number(1, dataRegister);
                writer.Number(2, TransportHeader);
                writer.Number(3, field.Offset);
                writer.Number(4, field.Length);
            });
        }

        return this;
    }

    /// <summary>Goes on only if the set has the key.</summary>
    public RuleExpressions Find(string set)
    {
        Add("lookup", () =>
        {
            writer.Text(1, set);
            writer.Number(2, FirstRegister);
        });
        return this;
    }

    /// <summary>Goes on only if the map has the key, with what it says.</summary>
    public RuleExpressions Map(string map)
    {
        Add("lookup", () =>
        {
            writer.Text(1, map);
            writer.Number(2, FirstRegister);
            writer.Number(3, ValueRegister);
        });
        return this;
    }

    /// <summary>Makes what the map said the packet's mark.</summary>
    public void SetMark() => Add("meta", () =>
    {
        writer.Number(2, MarkKey);
        writer.Number(3, ValueRegister);
    });

    /// <summary>Lets the packet go on unmarked.</summary>
    public void Accept() => Add("immediate", () =>
    {
        writer.Number(1, 0); // NFT_REG_VERDICT
        writer.Nest(2, () => writer.Nest(2, () => writer.Number(1, AcceptVerdict)));
    });

    private void Add(string name, Action data) => writer.Nest(1, () =>
    {
        writer.Text(1, name);
        writer.Nest(2, data);
    });
}
