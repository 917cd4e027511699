namespace Twins.Packets;

/// <summary>
/// Walks extension headers up to the upper-layer header, a later fragment's data, the end of the octets, or
/// <see cref="Ipv6Header.MaximumExtensions"/> of them. After the walk <see cref="NextHeader"/> and <see cref="Length"/> say where it ended.
/// </summary>
public ref struct Ipv6ExtensionEnumerator
{
    private const byte HopByHop = 0;
    private const byte Routing = 43;
    private const byte FragmentHeader = 44;
    private const byte Authentication = 51;
    private const byte DestinationOptions = 60;
    private const byte Mobility = 135;
    private const byte HostIdentity = 139;
    private const byte Shim6 = 140;
    private readonly Span<byte> _octets;
    private int _count;

    internal Ipv6ExtensionEnumerator(byte nextHeader, Span<byte> octets)
    {
        _octets = octets;
        NextHeader = nextHeader;
        Current = default;
    }

    /// <summary>The extension header reached.</summary>
    public Ipv6Extension Current { get; private set; }

    /// <summary>The protocol number of what follows those walked.</summary>
    public byte NextHeader { get; private set; }

    /// <summary>Octets walked.</summary>
    public int Length { get; private set; }

    /// <summary>What the fragment header says, if there was one.</summary>
    public FragmentPosition Fragment { get; private set; }

    /// <summary>The walk ended at an extension header that does not fit, or at one too many.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>A routing header had segments left.</summary>
    public bool IsSourceRouted { get; private set; }

    /// <summary>For <c>foreach</c>.</summary>
    public readonly Ipv6ExtensionEnumerator GetEnumerator() => this;

    /// <summary>Steps to the next extension header.</summary>
    public bool MoveNext()
    {
        if (IsMalformed || Fragment == FragmentPosition.Later || !IsExtension(NextHeader))
            return false;
        var rest = _octets[Length..];
        if (rest.Length < 8 || _count == Ipv6Header.MaximumExtensions || LengthOf(NextHeader, rest[1]) > rest.Length)
        {
            IsMalformed = true;
            return false;
        }

        var extension = rest[..LengthOf(NextHeader, rest[1])];
        if (NextHeader == FragmentHeader)
        {
            var offset = (extension[2] << 8 | extension[3]) & 0xFFF8;
            Fragment = offset != 0 ? FragmentPosition.Later
                : (extension[3] & 1) != 0 ? FragmentPosition.First
                : Fragment;
        }

        IsSourceRouted |= NextHeader == Routing && extension[3] != 0;
        Current = new Ipv6Extension(NextHeader, extension);
        NextHeader = extension[0];
        Length += extension.Length;
        _count++;
        return true;
    }

    private static bool IsExtension(byte type) =>
        type is HopByHop or Routing or FragmentHeader or Authentication or DestinationOptions or Mobility or HostIdentity or Shim6;

    // In units of 8 octets without the first (RFC 8200, 4.3); of 4 without the first two for authentication (RFC 4302, 2.2).
    private static int LengthOf(byte type, byte field) => type switch
    {
        FragmentHeader => 8,
        Authentication => Math.Max(8, (field + 2) << 2),
        _ => (field + 1) << 3,
    };
}
