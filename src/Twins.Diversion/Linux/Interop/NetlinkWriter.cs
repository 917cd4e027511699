using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Twins.Diversion.Linux;

/// <summary>
/// Writes netlink messages, one behind the other (netlink(7)). Headers are in host order; each attribute is padded to four
/// octets. The lengths of the message and of its attributes are right at every moment but for open nests.
/// </summary>
internal sealed class NetlinkWriter
{
    public const ushort Request = 1;     // NLM_F_REQUEST
    public const ushort Acknowledge = 4; // NLM_F_ACK
    private const ushort NestedFlag = 0x8000;
    private const int FlagsOffset = 6;

    private byte[] _buffer = new byte[4096];
    private int _message;

    /// <summary>Octets written.</summary>
    public int Length { get; private set; }

    /// <summary>All that was written.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    /// <summary>Forgets what was written.</summary>
    public void Clear() => Length = 0;

    /// <summary>Begins a message.</summary>
    public void Begin(ushort type, ushort flags, uint sequence)
    {
        _message = Length;
        var header = Extend(NetlinkMessage.HeaderBytes);
        MemoryMarshal.Write(header[4..], type);
        MemoryMarshal.Write(header[FlagsOffset..], (ushort)(Request | flags));
        MemoryMarshal.Write(header[8..], sequence);
    }

    /// <summary>Begins a message of a subsystem of netfilter, with its nfgenmsg.</summary>
    public void BeginNetfilter(ushort type, ushort flags, uint sequence, byte family, ushort resource)
    {
        Begin(type, flags, sequence);
        var header = Extend(4);
        header[0] = family;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], resource);
    }

    /// <summary>Has the message acknowledged that was begun last.</summary>
    public void RequestAcknowledgement() => _buffer[_message + FlagsOffset] |= (byte)Acknowledge;

    /// <summary>Makes the message longer.</summary>
    /// <returns>What has been added, all zero, to be filled before the next call.</returns>
    public Span<byte> Extend(int octets)
    {
        if (Length + octets > _buffer.Length)
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, Length + octets));
        var added = _buffer.AsSpan(Length, octets);
        added.Clear();
        Length += octets;
        MemoryMarshal.Write(_buffer.AsSpan(_message), Length - _message);
        return added;
    }

    /// <summary>Adds an attribute.</summary>
    /// <returns>Its value, all zero, to be filled before the next call.</returns>
    public Span<byte> Attribute(ushort type, int octets)
    {
        var added = Extend(4 + NetlinkMessage.Padded(octets));
        MemoryMarshal.Write(added, (ushort)(4 + octets));
        MemoryMarshal.Write(added[2..], type);
        return added.Slice(4, octets);
    }

    /// <summary>Adds a number in network order, as netfilter has them.</summary>
    public void Number(ushort type, uint value) => BinaryPrimitives.WriteUInt32BigEndian(Attribute(type, 4), value);

    /// <summary>Adds a number in host order, as routing has them.</summary>
    public void HostNumber(ushort type, uint value) => MemoryMarshal.Write(Attribute(type, 4), value);

    /// <summary>Adds a name, with the zero behind it.</summary>
    public void Text(ushort type, string value) => Encoding.ASCII.GetBytes(value, Attribute(type, value.Length + 1));

    /// <summary>Begins an attribute that holds attributes.</summary>
    /// <returns>What <see cref="EndNest"/> wants.</returns>
    public int BeginNest(ushort type)
    {
        Attribute((ushort)(type | NestedFlag), 0);
        return Length - 4;
    }

    /// <summary>Ends it.</summary>
    public void EndNest(int start) => MemoryMarshal.Write(_buffer.AsSpan(start), (ushort)(Length - start));

    /// <summary>Adds an attribute that holds attributes.</summary>
    public void Nest(ushort type, Action content)
    {
        var start = BeginNest(type);
        content();
        EndNest(start);
    }

    /// <summary>Sends all that was written as one datagram.</summary>
    /// <returns>False: refused; the error is in <see cref="Marshal.GetLastPInvokeError"/>.</returns>
    public unsafe bool TrySend(FileDescriptor socket)
    {
        fixed (byte* octets = _buffer)
        {
            while (LibC.Send(socket, octets, (nuint)Length, 0) < 0)
            {
                if (Marshal.GetLastPInvokeError() != Errno.Interrupted)
                    return false;
            }
        }

        return true;
    }
}
