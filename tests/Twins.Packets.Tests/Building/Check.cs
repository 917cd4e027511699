namespace Twins.Packets.Tests;

/// <summary>Assertions about packets; a failure prints the octets that reproduce it.</summary>
internal static class Check
{
    public static void SameBytes(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, string? of = null)
    {
        if (!expected.SequenceEqual(actual))
            Assert.Fail($"{of}\nexpected {Convert.ToHexString(expected)}\nactual   {Convert.ToHexString(actual)}");
    }

    public static PacketView Parsed(Span<byte> packet)
    {
        if (!PacketView.TryParse(packet, out var view, out var fault))
            Assert.Fail($"{fault}: {Convert.ToHexString(packet)}");
        return view;
    }

    public static void Faulty(PacketFault expected, Span<byte> packet)
    {
        Assert.IsFalse(PacketView.TryParse(packet, out _, out var fault), Convert.ToHexString(packet));
        Assert.AreEqual(expected, fault, Convert.ToHexString(packet));
    }

    public static FiveTuple Tuple(IpProtocol protocol, string source, string destination) =>
        new(protocol, Endpoint.Parse(source), Endpoint.Parse(destination));
}
