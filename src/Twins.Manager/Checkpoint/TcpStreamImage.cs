using System.Buffers.Binary;
using System.Globalization;
using Google.Protobuf;
using Twins.Protocol.Criu;

namespace Twins.Manager.Checkpoint;

/// <summary>CRIU's image of one connection (tcp-stream-*.img): two magic numbers, a message with its length, the octets in the queues.</summary>
internal static class TcpStreamImage
{
    private const uint Magic = 0x54564319;       // IMG_COMMON_MAGIC
    private const uint StreamMagic = 0x51465506; // TCP_STREAM_MAGIC
    private const int HeadLength = 12;
    private const int LongestMessage = 4096;
    private const uint TimestampsOption = 1;     // TCPI_OPT_TIMESTAMPS

    /// <summary>The image of a socket in a directory of images; null if it isn't there or no such image.</summary>
    public static CriuTcpStream? TryRead(string images, ulong inode)
    {
        try
        {
            using var file = File.OpenRead(PathOf(images, inode));
            Span<byte> head = stackalloc byte[HeadLength];
            file.ReadExactly(head);
            var length = BinaryPrimitives.ReadInt32LittleEndian(head[8..]);
            if (BinaryPrimitives.ReadUInt32LittleEndian(head) != Magic || BinaryPrimitives.ReadUInt32LittleEndian(head[4..]) != StreamMagic
                || length is < 0 or > LongestMessage)
            {
                return null;
            }

            var message = new byte[length];
            file.ReadExactly(message);
            return CriuTcpStream.Parser.ParseFrom(message);
        }
        catch (Exception e) when (e is IOException or InvalidProtocolBufferException)
        {
            return null;
        }
    }

    /// <summary>Puts another message in the place of the one in a socket's image; the queues stay.</summary>
    public static void Replace(string images, ulong inode, CriuTcpStream stream)
    {
        var path = PathOf(images, inode);
        var octets = File.ReadAllBytes(path);
        var queues = HeadLength + BinaryPrimitives.ReadInt32LittleEndian(octets.AsSpan(8));
        var message = stream.ToByteArray();
        using var file = File.Create(path);
        BinaryPrimitives.WriteInt32LittleEndian(octets.AsSpan(8), message.Length);
        file.Write(octets.AsSpan(0, HeadLength));
        file.Write(message);
        file.Write(octets.AsSpan(queues));
    }

    /// <summary>SND.NXT of RFC 9293: what has been written and not sent lies behind it.</summary>
    public static uint SendNext(this CriuTcpStream stream) => unchecked(stream.OutqSeq - stream.UnsqLen);

    public static bool HasTimestamps(this CriuTcpStream stream) => (stream.OptMask & TimestampsOption) != 0 && stream.HasTimestamp;

    private static string PathOf(string images, ulong inode) => Path.Combine(images, "tcp-stream-" + inode.ToString("x", CultureInfo.InvariantCulture) + ".img");
}
