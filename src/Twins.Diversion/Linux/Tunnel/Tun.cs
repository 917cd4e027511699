using System.Runtime.InteropServices;
using System.Text;
using Twins.Packets;

namespace Twins.Diversion.Linux;

/// <summary>
/// A TUN device (Documentation/networking/tuntap.rst) with IFF_NO_PI and IFF_VNET_HDR, read and written without waiting.
/// TCP is read as superpackets with the checksum left open, which the reader cuts and finishes. For one thread.
/// </summary>
public sealed unsafe class Tun : IDisposable
{
    private const int BufferBytes = 0x11000;
    private const int ReadWrite = 2;
    private const nuint SetInterface = 0x400454CA;  // TUNSETIFF
    private const nuint SetPersistent = 0x400454CB; // TUNSETPERSIST
    private const nuint SetOffload = 0x400454D0;    // TUNSETOFFLOAD
    private const ushort TunFlag = 0x0001;
    private const ushort NoPacketInformation = 0x1000;
    private const ushort VirtioHeader = 0x4000;
    private const nuint OffloadChecksum = 0x01;
    private const nuint OffloadTcp4 = 0x02;
    private const nuint OffloadTcp6 = 0x04;
    private const int NameBytes = 16;
    private const int RequestBytes = 40; // struct ifreq

    private readonly FileDescriptor _descriptor;
    private readonly byte* _buffer = (byte*)NativeMemory.Alloc(BufferBytes);
    private readonly IoVector* _vectors = (IoVector*)NativeMemory.AllocZeroed(2, (nuint)sizeof(IoVector));
    private readonly VirtioNetHeader* _header = (VirtioNetHeader*)NativeMemory.AllocZeroed((nuint)sizeof(VirtioNetHeader));
    private bool _disposed;

    /// <summary>Takes over a descriptor like those of <see cref="Create"/>, perhaps made in another process, and makes it non-blocking.</summary>
    /// <exception cref="DiversionException">Not an open descriptor; it is left to the caller.</exception>
    public Tun(FileDescriptor descriptor)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        if (LibC.FileControl(descriptor, LibC.SetStatusFlags, LibC.NonBlocking) != 0)
            throw Errno.Last("make the TUN device's descriptor non-blocking");
        _descriptor = descriptor;
    }

    /// <summary>The descriptor to poll for reading.</summary>
    public FileDescriptor Descriptor => _descriptor;

    /// <summary>
    /// Creates the device in a network namespace, or attaches to it if it is there and nobody else is. It has neither address nor
    /// route and is down.
    /// </summary>
    /// <param name="name">1 to 15 characters.</param>
    /// <param name="networkNamespace">A path (<see cref="NetworkNamespace"/>); null: the caller's own.</param>
    /// <param name="persistent">Whether the device stays when the last descriptor is closed.</param>
    /// <returns>The descriptor; it can be handed to another process.</returns>
    /// <exception cref="DiversionException">The system refused.</exception>
    public static FileDescriptor Create(string name, string? networkNamespace = null, bool persistent = true)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Encoding.ASCII.GetByteCount(name), NameBytes, nameof(name));
        return NetworkNamespace.Run(networkNamespace, () =>
        {
            var descriptor = LibC.Open("/dev/net/tun", ReadWrite | LibC.CloseOnExec | LibC.NonBlocking);
            if (descriptor.IsInvalid)
                throw Errno.Last("open /dev/net/tun", "load the kernel module tun");
            try
            {
                Attach(descriptor, name, persistent);
                return descriptor;
            }
            catch
            {
                descriptor.Dispose();
                throw;
            }
        });
    }

    /// <summary>Removes a persistent device. Nothing happens if it isn't there.</summary>
    /// <exception cref="DiversionException">Someone else is attached, or the system refused.</exception>
    public static void Remove(string name, string? networkNamespace = null)
    {
        using var descriptor = Create(name, networkNamespace, persistent: false);
    }

    /// <summary>Reads the next packet without waiting.</summary>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="DiversionException">The device is gone.</exception>
    public bool TryRead(out TunPacket packet)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        packet = default;
        var length = LibC.Read(_descriptor, _buffer, BufferBytes);
        if (length < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error is Errno.Again or Errno.Interrupted ? false : throw Errno.Of("read from the TUN device", error);
        }

        if (length <= sizeof(VirtioNetHeader))
            return false;
        var header = (VirtioNetHeader*)_buffer;
        var cut = (header->SegmentationType & ~VirtioNetHeader.SegmentationEcn) != VirtioNetHeader.SegmentationNone;
        packet = new TunPacket(
            new Span<byte>(_buffer + sizeof(VirtioNetHeader), (int)length - sizeof(VirtioNetHeader)),
            (header->Flags & VirtioNetHeader.NeedsChecksum) != 0 ? ChecksumState.Partial : ChecksumState.Complete,
            cut ? header->SegmentBytes : 0);
        return true;
    }

    /// <summary>Writes a packet with complete checksums.</summary>
    /// <returns>0, or the error with which the system refused it.</returns>
    public int Write(ReadOnlySpan<byte> packet)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        *_header = default;
        fixed (byte* bytes = packet)
        {
            _vectors[1] = new IoVector { Base = bytes, Length = (nuint)packet.Length };
            return Write(_vectors, 2);
        }
    }

    /// <summary>Writes a TCP packet whose checksum field holds the pseudo-header's sum: nobody has to go over its data.</summary>
    /// <returns>0, or the error with which the system refused it.</returns>
    public int WritePartial(in PacketView packet)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        *_header = new VirtioNetHeader
        {
            Flags = VirtioNetHeader.NeedsChecksum,
            ChecksumStart = (ushort)packet.TransportOffset,
            ChecksumOffset = (ushort)packet.ChecksumOffset,
        };
        fixed (byte* bytes = packet.Bytes)
        {
            _vectors[1] = new IoVector { Base = bytes, Length = (nuint)packet.Length };
            return Write(_vectors, 2);
        }
    }

    /// <summary>Writes a superpacket, which needs not be cut for the stack behind the device.</summary>
    /// <returns>0, or the error with which the system refused it.</returns>
    public int Write(Superpacket packet)
    {
        ArgumentNullException.ThrowIfNull(packet);
        ObjectDisposedException.ThrowIf(_disposed, this);
        *_header = new VirtioNetHeader
        {
            Flags = VirtioNetHeader.NeedsChecksum,
            SegmentationType = VirtioNetHeader.SegmentationTcp4,
            HeaderLength = (ushort)packet.HeaderLength,
            SegmentBytes = (ushort)packet.SegmentPayloadBytes,
            ChecksumStart = (ushort)packet.TransportOffset,
            ChecksumOffset = Superpacket.TcpChecksumOffset,
        };
        return Write(packet.Finish(out var count), count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _descriptor.Dispose();
        NativeMemory.Free(_buffer);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_header);
    }

    private int Write(IoVector* vectors, int count)
    {
        vectors[0] = new IoVector { Base = _header, Length = (nuint)sizeof(VirtioNetHeader) };
        while (LibC.WriteVector(_descriptor, vectors, count) < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Errno.Interrupted)
                return error;
        }

        return 0;
    }

    private static void Attach(FileDescriptor descriptor, string name, bool persistent)
    {
        var request = stackalloc byte[RequestBytes];
        new Span<byte>(request, RequestBytes).Clear();
        Encoding.ASCII.GetBytes(name, new Span<byte>(request, NameBytes));
        *(ushort*)(request + NameBytes) = TunFlag | NoPacketInformation | VirtioHeader;
        if (LibC.Control(descriptor, SetInterface, request) != 0)
            throw Errno.Last($"attach to TUN device {name}");
        if (LibC.Control(descriptor, SetOffload, OffloadChecksum | OffloadTcp4 | OffloadTcp6) != 0)
            throw Errno.Last($"set the offloads of TUN device {name}");
        if (LibC.Control(descriptor, SetPersistent, persistent ? 1u : 0u) != 0)
            throw Errno.Last($"make TUN device {name} {(persistent ? "" : "not ")}persistent");
    }
}
