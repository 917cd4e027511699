using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Twins.Diversion.Windows;

/// <summary>
/// A handle that is given copies of packets and has no part in their way: what comes in before any other handle of Twins has had it, or what
/// goes out after all of them. Packets from this machine to itself count as going out. <see cref="Run"/> is for one thread.
/// </summary>
internal sealed unsafe class WinDivertSniffer : IDisposable
{
    private const int BufferBytes = WinDivertLibrary.MaximumBatch * 1514; // more than the largest packet
    private readonly WinDivertDevice _device;
    private readonly byte* _packets = (byte*)NativeMemory.Alloc(BufferBytes);
    private readonly WinDivertAddress* _addresses = (WinDivertAddress*)NativeMemory.AllocZeroed(WinDivertLibrary.MaximumBatch, WinDivertAddress.SizeBytes);
    private bool _disposed;

    private WinDivertSniffer(WinDivertDevice device) => _device = device;

    /// <summary>Is given a packet.</summary>
    /// <param name="packet">From its IP header on; valid during the call. Its sums may be left to offload.</param>
    /// <param name="timestamp">When (<see cref="Stopwatch.GetTimestamp"/>).</param>
    /// <param name="interfaceIndex">Where.</param>
    /// <param name="outbound">Whether it goes out.</param>
    public delegate void Taker(ReadOnlySpan<byte> packet, long timestamp, uint interfaceIndex, bool outbound);

    /// <summary>Batches before which copies were lost because nobody took them in time.</summary>
    public long Overruns { get; private set; }

    /// <summary>Opens the handle; the driver copies from now on.</summary>
    /// <param name="filter">What is wanted.</param>
    /// <param name="outbound">What goes out; else what comes in.</param>
    /// <exception cref="DiversionException">No rights, no driver, or the driver refuses.</exception>
    public static WinDivertSniffer Open(PacketFilter filter, bool outbound)
    {
        var device = WinDivertDevice.Open(
            PacketFilter.All(outbound ? PacketFilter.Outbound : PacketFilter.Inbound, filter),
            outbound ? HandlePriorities.SniffOutbound : HandlePriorities.SniffInbound,
            WinDivertFlags.Sniff | WinDivertFlags.ReceiveOnly);
        try
        {
            device.SetQueue(WinDivertDiverter.QueueTime);
            return new WinDivertSniffer(device);
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <summary>Gives what comes until it is stopped, and what waits then.</summary>
    /// <exception cref="DiversionException">The driver refuses.</exception>
    public void Run(Taker take)
    {
        while (_device.Receive(_packets, BufferBytes, _addresses, WinDivertLibrary.MaximumBatch, out var octets) is var count and > 0)
        {
            if (Stopwatch.GetElapsedTime(_addresses[0].Timestamp) > WinDivertDiverter.QueueTime * 0.75)
                Overruns++;
            var offset = 0;
            for (var i = 0; i < count; i++)
            {
                var rest = new ReadOnlySpan<byte>(_packets + offset, octets - offset);
                var length = WinDivertDiverter.LengthOf(rest);
                if (length == 0)
                    break;
                take(rest[..length], _addresses[i].Timestamp, _addresses[i].Network.InterfaceIndex, _addresses[i].IsOutbound);
                offset += length;
            }
        }
    }

    /// <summary>Takes no more copies. On any thread.</summary>
    public void Stop()
    {
        if (!_disposed)
            _device.Shutdown(WinDivertShutdown.Receive);
    }

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
}
