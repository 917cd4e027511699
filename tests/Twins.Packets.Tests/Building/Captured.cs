namespace Twins.Packets.Tests;

/// <summary>
/// Packets as tcpdump showed them between two network namespaces joined by a veth pair (Linux 6.18): once with transmit checksum offload off,
/// once on, when the sums left to offload are seen on the wire. 192.0.2.1 and 2001:db8::1 talk to .2 and ::2.
/// </summary>
internal static class Captured
{
    public const string Syn4 = """
        4500 003c 10b4 4000 4006 a604 c000 0201 c000 0202 a742 1f90 b993 1f72 0000 0000
        a002 faf0 3293 0000 0204 05b4 0402 080a 3e2b b871 0000 0000 0103 030a
        """;

    public const string Data4 = """
        4500 0039 10b6 4000 4006 a605 c000 0201 c000 0202 a742 1f90 b993 1f73 903c e157
        8018 003f 1e7c 0000 0101 080a 3e2b b871 fdfa 8a19 6865 6c6c 6f
        """;

    public const string PartialData4 = """
        4500 0039 25e0 4000 4006 90db c000 0201 c000 0202 9b02 1f90 59d4 44b6 ba79 d7a9
        8018 003f 842f 0000 0101 080a 1972 331c dad4 4047 6865 6c6c 6f
        """;

    public const string Data6 = """
        600e 692c 0025 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000
        0000 0000 0000 0002 eca4 1f90 cb7d a39d 7184 ce88 8018 0040 b8ce 0000 0101 080a
        8d81 fe08 1582 c1f0 6865 6c6c 6f
        """;

    public const string Udp4 = """
        4500 0021 a8f5 4000 4011 0dd3 c000 0201 c000 0202 b876 270f 000d 9c79 7069 6e67
        21
        """;

    public const string Udp6 = """
        600f 5200 000d 1140 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000
        0000 0000 0000 0002 d039 270f 000d ad45 7069 6e67 21
        """;

    /// <summary>Port unreachable, about <see cref="Udp4"/>.</summary>
    public const string Unreachable4 = """
        45c0 003d a6dc 0000 4001 4f20 c000 0202 c000 0201 0303 811f 0000 0000 4500 0021
        a8f5 4000 4011 0dd3 c000 0201 c000 0202 b876 270f 000d 9c79 7069 6e67 21
        """;

    /// <summary>Port unreachable, about <see cref="Udp6"/>.</summary>
    public const string Unreachable6 = """
        6005 7940 003d 3a40 2001 0db8 0000 0000 0000 0000 0000 0002 2001 0db8 0000 0000
        0000 0000 0000 0001 0104 dfd0 0000 0000 600f 5200 000d 1140 2001 0db8 0000 0000
        0000 0000 0000 0001 2001 0db8 0000 0000 0000 0000 0000 0002 d039 270f 000d ad45
        7069 6e67 21
        """;

    public static IEnumerable<string> All => [Syn4, Data4, PartialData4, Data6, Udp4, Udp6, Unreachable4, Unreachable6];

    public static byte[] Bytes(string hex) => Convert.FromHexString(string.Concat(hex.Where(char.IsAsciiHexDigit)));
}
