using System.Buffers.Binary;
using System.Net;

namespace Twins.Hook.Tests;

/// <summary>A message read by the offsets that hook_protocol.h promises, independently of any code under test.</summary>
internal sealed record HookMessage(int Kind, int Family, int Transport, int Flags, int Descriptor, IPEndPoint Local, IPEndPoint Remote)
{
    public const int Socket = 1, Bind = 2, Listen = 3, Connect = 4, Accept = 5, Close = 6, Dup = 7;

    public static HookMessage Read(ReadOnlySpan<byte> octets)
    {
        Assert.AreEqual(56, octets.Length);
        Assert.IsTrue(octets[..8].SequenceEqual("TWHK\x01\x00\x38\x00"u8));
        Assert.IsTrue(octets[52..].SequenceEqual("\0\0\0\0"u8));
        var length = octets[9] == 4 ? 4 : 16;
        return new HookMessage(
            octets[8], octets[9], octets[10], octets[11], BinaryPrimitives.ReadInt32LittleEndian(octets[12..]),
            new IPEndPoint(new IPAddress(octets.Slice(20, length)), BinaryPrimitives.ReadUInt16LittleEndian(octets[16..])),
            new IPEndPoint(new IPAddress(octets.Slice(36, length)), BinaryPrimitives.ReadUInt16LittleEndian(octets[18..])));
    }

    /// <summary>Kind, descriptor and addresses in one line.</summary>
    public override string ToString() => FormattableString.Invariant($"{Kind} {Descriptor} {Local} {Remote}");
}
