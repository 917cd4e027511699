using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Twins.Packets;

/// <summary>
/// An IPv4 or IPv6 address as a value: sixteen octets and a family, comparable without allocation.
/// An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) is a different value from the IPv4 address it maps.
/// </summary>
public readonly record struct InternetAddress
{
    private readonly ulong _high;
    private readonly ulong _low;

    private InternetAddress(ulong high, ulong low, bool isIPv4)
    {
        _high = high;
        _low = low;
        IsIPv4 = isIPv4;
    }

    /// <summary>Whether the address has four octets. <c>default</c> is the IPv6 unspecified address.</summary>
    public bool IsIPv4 { get; }

    /// <summary>Octets in the address: 4 or 16.</summary>
    public int Length => IsIPv4 ? 4 : 16;

    /// <summary>All octets are zero: 0.0.0.0 or ::.</summary>
    public bool IsUnspecified => _high == 0 && _low == 0;

    /// <summary>The IPv4 address with this value in host byte order, 10.0.0.1 being 0x0A000001.</summary>
    public static InternetAddress FromIPv4(uint value) => new(0, value, isIPv4: true);

    /// <summary>The value in host byte order; meaningful only when <see cref="IsIPv4"/>.</summary>
    public uint ToIPv4() => (uint)_low;

    /// <summary>The sum of the address's 32-bit words, for checksums: unfolded, at most 2^34.</summary>
    internal ulong WordSum => (_high >> 32) + (uint)_high + (_low >> 32) + (uint)_low;

    /// <summary>The sum of the complements of the address's 32-bit words.</summary>
    internal ulong ComplementSum => IsIPv4
        ? ~(uint)_low
        : (uint)~(_high >> 32) + (ulong)~(uint)_high + (uint)~(_low >> 32) + ~(uint)_low;

    /// <summary>The upper eight octets of an IPv6 address; zero for IPv4.</summary>
    internal ulong High => _high;

    /// <summary>The lower eight octets, or the IPv4 address.</summary>
    internal ulong Low => _low;

    /// <summary>Reads an address of 4 or 16 octets in network order.</summary>
    /// <exception cref="ArgumentException">Any other length.</exception>
    public static InternetAddress FromBytes(ReadOnlySpan<byte> octets) => octets.Length switch
    {
        4 => FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(octets)),
        16 => new(BinaryPrimitives.ReadUInt64BigEndian(octets), BinaryPrimitives.ReadUInt64BigEndian(octets[8..]), isIPv4: false),
        _ => throw new ArgumentException($"An address has 4 or 16 octets, not {octets.Length}.", nameof(octets)),
    };

    /// <summary>Writes the <see cref="Length"/> octets in network order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The destination is shorter than <see cref="Length"/>.</exception>
    public void WriteTo(Span<byte> destination)
    {
        if (IsIPv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)_low);
            return;
        }

        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
    }

    /// <summary>The octets in network order, in a new array.</summary>
    public byte[] ToBytes()
    {
        var octets = new byte[Length];
        WriteTo(octets);
        return octets;
    }

    /// <summary>The address as the class library has it. Scope identifiers are not carried.</summary>
    public IPAddress ToIPAddress() => new(ToBytes());

    /// <summary>The value of a class library address; a scope identifier is lost.</summary>
    public static InternetAddress FromIPAddress(IPAddress address)
    {
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out var length);
        return FromBytes(octets[..length]);
    }

    /// <summary>Parses the textual forms of RFC 4291 and dotted decimal with four parts.</summary>
    public static bool TryParse(string? text, out InternetAddress address)
    {
        if (IPAddress.TryParse(text, out var parsed)
            && (parsed.AddressFamily == AddressFamily.InterNetworkV6 || parsed.ToString() == text))
        {
            address = FromIPAddress(parsed);
            return true;
        }

        address = default;
        return false;
    }

    /// <inheritdoc cref="TryParse"/>
    /// <exception cref="FormatException">The text is no address.</exception>
    public static InternetAddress Parse(string text) =>
        TryParse(text, out var address) ? address : throw new FormatException($"'{text}' is no IP address.");

    /// <inheritdoc/>
    public override string ToString() => ToIPAddress().ToString();
}
