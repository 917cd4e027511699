using System.Buffers.Binary;
using Twins.Packets;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Hooks;

/// <summary>The wire form of src/Twins.Hook/hook_protocol.h, version 1.</summary>
internal static class HookMessage
{
    /// <summary>Octets of every message.</summary>
    public const int Size = 56;

    private const uint Magic = 0x4B485754;
    private const ushort Version = 1;
    private const byte InProgress = 0x01;

    private static ReadOnlySpan<byte> MappedPrefix => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];

    /// <summary>
    /// Reads a message that <paramref name="pid"/> sent; false for anything that is none: another
    /// magic, version, size, kind or family. Unknown flags pass, so that later hooks can add some.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> octets, int pid, out HookEvent? hookEvent)
    {
        hookEvent = null;
        if (octets.Length != Size
            || BinaryPrimitives.ReadUInt32LittleEndian(octets) != Magic
            || BinaryPrimitives.ReadUInt16LittleEndian(octets[4..]) != Version
            || BinaryPrimitives.ReadUInt16LittleEndian(octets[6..]) != Size)
        {
            return false;
        }

        var kind = (HookEventKind)octets[8];
        var family = octets[9];
        if (!Enum.IsDefined(kind) || family is not (4 or 6))
        {
            return false;
        }

        var local = ReadEndpoint(octets.Slice(20, 16), octets[16..], family);
        var remote = ReadEndpoint(octets.Slice(36, 16), octets[18..], family);
        hookEvent = new HookEvent(pid, kind, octets[10], local, remote, (octets[11] & InProgress) != 0);
        return true;
    }

    private static Endpoint ReadEndpoint(ReadOnlySpan<byte> address, ReadOnlySpan<byte> port, byte family)
    {
        var octets = family == 4 ? address[..4] : address.StartsWith(MappedPrefix) ? address[12..] : address;
        return new Endpoint(InternetAddress.FromBytes(octets), BinaryPrimitives.ReadUInt16LittleEndian(port));
    }
}
