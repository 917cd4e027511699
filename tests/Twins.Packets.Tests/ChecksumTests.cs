using CsCheck;

namespace Twins.Packets.Tests;

[TestClass]
public sealed class ChecksumTests
{
    [TestMethod]
    public void ExampleOfRfc1071_Summed_IsDdf2() =>
        Assert.AreEqual(0xDDF2, InternetChecksum.Fold(InternetChecksum.Sum([0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7])));

    [TestMethod]
    public void ExampleOfRfc1624_Updated_IsZeroAndNotAllOnes()
    {
        // RFC 1624, 4: HC = 0xDD2F, m = 0x5555, m' = 0x3285. Equation 2 would give 0xFFFF.
        Assert.AreEqual(0x0000, InternetChecksum.Update(0xDD2F, 0xAAAA + 0x3285, ChecksumState.Complete));
    }

    [TestMethod]
    public void AnyOctets_Summed_AreTheSumWordByWord() =>
        Gen.Select(Gen.Byte.Array[0, 400], Gen.Int[0, 3]).Sample((octets, from) =>
        {
            var part = octets.AsSpan(Math.Min(from, octets.Length));
            return InternetChecksum.Fold(InternetChecksum.Sum(part)) == PacketBuilder.FoldedSum(part);
        });

    [TestMethod]
    [DataRow(0x00)]
    [DataRow(0xFF)]
    public void LongestPacket_OfOneOctet_SumsWithoutOverflow(int octet)
    {
        var octets = new byte[65535];
        octets.AsSpan().Fill((byte)octet);
        Assert.AreEqual(PacketBuilder.FoldedSum(octets), InternetChecksum.Fold(InternetChecksum.Sum(octets)));
    }

    [TestMethod]
    public void AnyPacket_Rewritten_HasTheSumsOfAPacketBuiltSo() =>
        Gen.Select(Case, Case, Gen.Byte.Array[0, 80], Gen.Int[0, 2], Gen.Bool).Sample((from, to, payload, kind, isV4) =>
        {
            // Addresses and ports of all zeros and all ones are common: the corners of one's complement.
            var bytes = Build(from, payload, kind, isV4);
            var expected = Build(to, payload, kind, isV4);
            var packet = Check.Parsed(bytes);
            packet.Rewrite(Check.Parsed(expected).Tuple, kind == 2 ? ChecksumState.Partial : ChecksumState.Complete);
            if (kind == 2)
            {
                // 0x0000 and 0xFFFF are the same partial sum.
                Check.Parsed(bytes).FinishChecksum();
                Check.Parsed(expected).FinishChecksum();
            }

            Check.SameBytes(expected, bytes);
        });

    [TestMethod]
    public void AnyPacket_RewrittenManyTimes_ComesBackUnchanged() =>
        Gen.Select(Case.Array[1, 6], Gen.Byte.Array[0, 40], Gen.Int[0, 1], Gen.Bool).Sample((stops, payload, kind, isV4) =>
        {
            var bytes = Build(stops[0], payload, kind, isV4);
            var before = bytes.ToArray();
            var home = Check.Parsed(bytes).Tuple;
            foreach (var stop in stops)
                Check.Parsed(bytes).Rewrite(Check.Parsed(Build(stop, [], kind, isV4)).Tuple, ChecksumState.Complete);
            Check.Parsed(bytes).Rewrite(home, ChecksumState.Complete);
            Check.SameBytes(before, bytes);
        });

    [TestMethod]
    public void AnyError_Translated_IsTheErrorBuiltSo() =>
        Gen.Select(Case, Case, Gen.Byte.Array[0, 40], Gen.Int[4, 60], Gen.Bool).Sample((from, to, payload, quotedOctets, isV4) =>
        {
            // Half a checksum can't be kept right.
            if (quotedOctets == 7)
                quotedOctets = 8;
            var header = isV4 ? 20 : 40;
            var (bytes, expected) = (Error(from), Error(to));
            var quoted = Check.Parsed(Build(to, payload, 1, isV4)).Tuple;
            Check.Parsed(bytes).RewriteQuoted(quoted, quoted.Destination.Address, quoted.Source.Address);
            Check.SameBytes(expected, bytes);

            byte[] Error((uint[] Addresses, ushort[] Ports) names)
            {
                var inner = Build(names, payload, 1, isV4);
                var tuple = Check.Parsed(inner).Tuple;
                return PacketBuilder.Icmp(
                    tuple.Destination.Address.ToString(), tuple.Source.Address.ToString(), isV4 ? (byte)3 : (byte)1, 4, 0,
                    inner[..Math.Min(inner.Length, header + quotedOctets)]).Build();
            }
        });

    private static Gen<uint> Word => Gen.Select(Gen.UInt, Gen.Int[0, 12]).Select((any, pick) => pick switch
    {
        0 => 0u,
        1 => 0xFFFFFFFFu,
        2 => 0xFFFFu,
        3 => 0xFFFF0000u,
        4 => 1u,
        _ => any,
    });

    private static Gen<ushort> Port => Gen.Select(Gen.UShort, Gen.Int[0, 5]).Select((any, pick) => pick switch
    {
        0 => (ushort)0,
        1 => ushort.MaxValue,
        _ => any,
    });

    private static Gen<(uint[] Addresses, ushort[] Ports)> Case => Gen.Select(Word.Array[8], Port.Array[2]);

    private static byte[] Build((uint[] Addresses, ushort[] Ports) names, byte[] payload, int kind, bool isV4)
    {
        var (source, destination) = (Address(0).ToString(), Address(4).ToString());
        if (!isV4)
            (source, destination) = ($"[{source}]", $"[{destination}]");
        (source, destination) = ($"{source}:{names.Ports[0]}", $"{destination}:{names.Ports[1]}");
        var builder = kind == 1 ? PacketBuilder.Udp(source, destination) : PacketBuilder.Tcp(source, destination);
        if (kind == 2)
            builder.Partial();
        return builder.Payload(payload).Build();

        InternetAddress Address(int at)
        {
            Span<byte> octets = stackalloc byte[16];
            for (var i = 0; i < 4; i++)
                System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(octets[(4 * i)..], names.Addresses[at + i]);
            return InternetAddress.FromBytes(octets[..(isV4 ? 4 : 16)]);
        }
    }
}
