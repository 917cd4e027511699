using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Twins.Packets;

namespace Twins.Diversion.Windows;

/// <summary>
/// One capturing handle. <see cref="Receive"/> waits, so a thread of its own calls it; between it and <see cref="Complete"/> the thread
/// may hold whatever lock guards the state. When the handle is shut down, what waits still comes, then nothing more, and
/// <see cref="IsDrained"/>. If the program dies, what had been received is lost and what waits goes on to the local stack, which is why a
/// guard stands behind it (<see cref="HandlePriorities"/>).
/// </summary>
public sealed unsafe class WinDivertDiverter : IDiverter
{
    /// <summary>How long a packet waits at most before the driver drops it.</summary>
    public static readonly TimeSpan QueueTime = TimeSpan.FromSeconds(2);

    // More than the largest packet (WINDIVERT_MTU_MAX, 65,575 octets): one that doesn't fit is lost.
    private const int BufferBytes = WinDivertLibrary.MaximumBatch * 1514;
    private const int MinimumPacketBytes = 20;

    private readonly WinDivertDevice _device;
    private readonly WinDivertSender _onward;
    private readonly byte* _packets;
    private readonly WinDivertAddress* _addresses;
    private readonly int[] _offsets = new int[WinDivertLibrary.MaximumBatch];
    private readonly int[] _lengths = new int[WinDivertLibrary.MaximumBatch];
    private int _count;
    private bool _disposed;

    internal WinDivertDiverter(WinDivertDevice device, WinDivertSender onward)
    {
        _device = device;
        _onward = onward;
        _packets = (byte*)NativeMemory.Alloc(BufferBytes);
        _addresses = (WinDivertAddress*)NativeMemory.AllocZeroed(WinDivertLibrary.MaximumBatch, WinDivertAddress.SizeBytes);
    }

    /// <inheritdoc/>
    public int BatchSize => WinDivertLibrary.MaximumBatch;

    /// <summary>The handle was shut down and nothing waits any more.</summary>
    public bool IsDrained { get; private set; }

    /// <summary>
    /// Batches whose first packet had waited for most of <see cref="QueueTime"/>: others were dropped, which the driver doesn't tell.
    /// </summary>
    public long Overruns { get; private set; }

    /// <inheritdoc/>
    public DivertedPacket this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)_count, nameof(index));
            return new DivertedPacket(0, 0, StateOf(index), isSuperpacket: false, isTruncated: _lengths[index] == 0, Bytes(index));
        }
    }

    /// <summary>Opens a handle for what a filter takes.</summary>
    /// <param name="filter">One of <see cref="TargetFilters.Capture"/>.</param>
    /// <param name="onward">Sends what is accepted. Of the thread that calls <see cref="Complete"/>, or under its lock.</param>
    /// <exception cref="DiversionException">No rights, no driver, or the driver refuses.</exception>
    internal static WinDivertDiverter Open(PacketFilter filter, WinDivertSender onward)
    {
        var device = WinDivertDevice.Open(filter, HandlePriorities.Capture, WinDivertFlags.ReceiveOnly);
        try
        {
            device.SetQueue(QueueTime);
            return new WinDivertDiverter(device, onward);
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <summary>Waits for the next batch.</summary>
    /// <returns>The number of packets; 0 once it is drained.</returns>
    /// <inheritdoc/>
    public int Receive()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_count > 0)
            throw new InvalidOperationException("The batch before has no verdicts yet.");
        var count = _device.Receive(_packets, BufferBytes, _addresses, WinDivertLibrary.MaximumBatch, out var octets);
        IsDrained = count == 0;
        if (count > 0 && Stopwatch.GetElapsedTime(_addresses[0].Timestamp) > QueueTime * 0.75)
            Overruns++;
        var offset = 0;
        for (_count = 0; _count < count; _count++)
        {
            _offsets[_count] = offset;
            _lengths[_count] = LengthOf(new ReadOnlySpan<byte>(_packets + offset, octets - offset));
            offset += _lengths[_count];
            Finish(_count);
        }

        return _count;
    }

    /// <inheritdoc/>
    public void Accept(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)_count, nameof(index));
        if (_lengths[index] > 0)
            _onward.Enqueue(Bytes(index), _addresses[index]);
    }

    /// <inheritdoc/>
    public void Complete()
    {
        _onward.Flush();
        _count = 0;
    }

    /// <summary>Takes nothing more; what follows goes its way untouched. On any thread.</summary>
    public void Stop() => _device.Shutdown(WinDivertShutdown.Receive);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _device.Dispose();
        NativeMemory.Free(_packets);
        NativeMemory.Free(_addresses);
    }

    private Span<byte> Bytes(int index) => new(_packets + _offsets[index], _lengths[index]);

    private ChecksumState StateOf(int index)
    {
        var flags = _addresses[index].Flags;
        var needed = Protocol(index) switch
        {
            IpProtocol.Tcp => WinDivertAddressFlags.TcpChecksum,
            IpProtocol.Udp => WinDivertAddressFlags.UdpChecksum,
            _ => WinDivertAddressFlags.None,
        };
        // What the field holds then is anybody's guess; it is computed in full before it counts.
        return (flags & needed) == needed ? ChecksumState.Complete : ChecksumState.Partial;
    }

    private IpProtocol Protocol(int index)
    {
        var packet = Bytes(index);
        return packet.Length < MinimumPacketBytes ? default : (IpProtocol)(packet[0] >> 4 == 4 ? packet[9] : packet[6]);
    }

    // A header's sum that was left to the device: it is updated from here on as the others are.
    private void Finish(int index)
    {
        var packet = Bytes(index);
        if (packet.Length < MinimumPacketBytes || packet[0] >> 4 != 4 || (_addresses[index].Flags & WinDivertAddressFlags.IPChecksum) != 0)
            return;
        var header = packet[..Math.Min(packet.Length, (packet[0] & 0xF) * 4)];
        header[10..12].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], InternetChecksum.Compute(header));
        _addresses[index].Flags |= WinDivertAddressFlags.IPChecksum;
    }

    /// <summary>Packets of a batch lie one after the other; each says how long it is. 0: it doesn't, and what follows can't be found.</summary>
    internal static int LengthOf(ReadOnlySpan<byte> rest)
    {
        if (rest.Length < MinimumPacketBytes)
            return 0;
        var length = rest[0] >> 4 == 4
            ? BinaryPrimitives.ReadUInt16BigEndian(rest[2..])
            : 40 + BinaryPrimitives.ReadUInt16BigEndian(rest[4..]);
        return length <= rest.Length ? length : 0;
    }
}
