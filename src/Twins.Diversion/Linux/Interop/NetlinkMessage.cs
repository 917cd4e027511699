using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>A netlink message that was received (netlink(7)).</summary>
internal readonly ref struct NetlinkMessage
{
    public const int HeaderBytes = 16;
    private const ushort ErrorType = 2; // NLMSG_ERROR
    private const int AttributeTypeMask = 0x3FFF;

    public ushort Type { get; private init; }

    public uint Sequence { get; private init; }

    /// <summary>What is behind the header.</summary>
    public ReadOnlySpan<byte> Content { get; private init; }

    /// <summary>Receives a datagram that is there already.</summary>
    /// <returns>Empty: there is none, or an error.</returns>
    public static unsafe ReadOnlySpan<byte> Receive(FileDescriptor socket, byte[] buffer)
    {
        fixed (byte* octets = buffer)
            return buffer.AsSpan(0, (int)Math.Max(0, LibC.Receive(socket, octets, (nuint)buffer.Length, LibC.MessageDontWait)));
    }

    /// <summary>Takes the first message off a datagram.</summary>
    /// <returns>Whether there is a whole one.</returns>
    public static bool TryTake(scoped ref ReadOnlySpan<byte> datagram, out NetlinkMessage message)
    {
        message = default;
        if (datagram.Length < HeaderBytes)
            return false;
        var length = MemoryMarshal.Read<uint>(datagram);
        if (length < HeaderBytes || length > datagram.Length)
            return false;
        message = new NetlinkMessage
        {
            Type = MemoryMarshal.Read<ushort>(datagram[4..]),
            Sequence = MemoryMarshal.Read<uint>(datagram[8..]),
            Content = datagram[HeaderBytes..(int)length],
        };
        datagram = datagram[Math.Min(Padded((int)length), datagram.Length)..];
        return true;
    }

    /// <summary>Takes the first attribute off some.</summary>
    /// <returns>Whether there is a whole one; if there isn't, nothing is taken.</returns>
    public static bool TryTakeAttribute(scoped ref ReadOnlySpan<byte> attributes, out int type, out ReadOnlySpan<byte> value)
    {
        type = 0;
        value = default;
        if (attributes.Length < 4)
            return false;
        var length = MemoryMarshal.Read<ushort>(attributes);
        if (length < 4 || length > attributes.Length)
            return false;
        type = MemoryMarshal.Read<ushort>(attributes[2..]) & AttributeTypeMask;
        value = attributes[4..length];
        attributes = attributes[Math.Min(Padded(length), attributes.Length)..];
        return true;
    }

    /// <summary>Messages and attributes fill whole fours of octets.</summary>
    public static int Padded(int length) => (length + 3) & ~3;

    /// <summary>Whether the message is an acknowledgement (errno 0) or a refusal.</summary>
    public bool TryReadError(out int errno)
    {
        errno = 0;
        if (Type != ErrorType || Content.Length < 4)
            return false;
        errno = -MemoryMarshal.Read<int>(Content);
        return true;
    }
}
