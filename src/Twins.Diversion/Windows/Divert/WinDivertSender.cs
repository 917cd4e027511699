using System.Runtime.InteropServices;
using Twins.Packets;

namespace Twins.Diversion.Windows;

/// <summary>
/// Sends whole IP packets through a handle of its own, which sees none itself. What is for this machine goes in, to the local stack, at the
/// interface that has the address; all else goes out, by the stack's own routes.
/// </summary>
public sealed unsafe class WinDivertSender : IPacketSender
{
    private const int BufferBytes = 1 << 20;

    private readonly WinDivertDevice _device;
    private readonly LocalInterfaces _interfaces;
    private readonly byte* _packets;
    private readonly WinDivertAddress* _addresses;
    private int _length;
    private int _count;
    private bool _disposed;

    private WinDivertSender(WinDivertDevice device, LocalInterfaces interfaces)
    {
        _device = device;
        _interfaces = interfaces;
        _packets = (byte*)NativeMemory.Alloc(BufferBytes);
        _addresses = (WinDivertAddress*)NativeMemory.AllocZeroed(WinDivertLibrary.MaximumBatch, WinDivertAddress.SizeBytes);
    }

    /// <inheritdoc/>
    public SendCounters Counters { get; } = new();

    /// <summary>Opens the handle. Needs an elevated Administrator or LocalSystem.</summary>
    /// <exception cref="DiversionException">No rights, no driver, or the driver refuses.</exception>
    public static WinDivertSender Open() => new(
        WinDivertDevice.Open(PacketFilter.Nothing, HandlePriorities.Sending, WinDivertFlags.SendOnly), new LocalInterfaces());

    /// <inheritdoc/>
    public void Enqueue(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < (packet.Length > 0 && packet[0] >> 4 == 4 ? 20 : 40))
            throw new ArgumentException("Not an IP packet.", nameof(packet));
        var isIPv4 = packet[0] >> 4 == 4;
        var address = default(WinDivertAddress);
        address.Flags = WinDivertAddressFlags.Checksums | (isIPv4 ? 0 : WinDivertAddressFlags.IPv6);
        if (_interfaces.Find(InternetAddress.FromBytes(isIPv4 ? packet[16..20] : packet[24..40])) is { } inside)
            address.Network.InterfaceIndex = inside;
        else
            address.Flags |= WinDivertAddressFlags.Outbound;
        Enqueue(packet, address);
    }

    /// <inheritdoc/>
    public void Flush()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_count == 0)
            return;
        var error = _device.Send(_packets, _length, _addresses, _count);
        // Of a batch only the last refusal is told.
        Counters.Sent += error == 0 ? _count : _count - 1;
        if (error != 0)
            Count(error);
        (_count, _length) = (0, 0);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _device.Dispose();
        _interfaces.Dispose();
        NativeMemory.Free(_packets);
        NativeMemory.Free(_addresses);
    }

    /// <summary>Sends a packet the way that its address says.</summary>
    internal void Enqueue(ReadOnlySpan<byte> packet, in WinDivertAddress address)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_count == WinDivertLibrary.MaximumBatch || _length + packet.Length > BufferBytes)
            Flush();
        packet.CopyTo(new Span<byte>(_packets + _length, BufferBytes - _length));
        _addresses[_count] = address;
        _length += packet.Length;
        _count++;
    }

    private void Count(int error)
    {
        switch (error)
        {
            case WinDivertErrors.InsufficientBuffer:
                Counters.TooLarge++;
                break;
            case WinDivertErrors.NoSystemResources:
                Counters.NoBuffer++;
                break;
            case WinDivertErrors.InjectionRefused or WinDivertErrors.AccessDenied:
                Counters.Forbidden++;
                break;
            case WinDivertErrors.HostUnreachable:
                Counters.Unreachable++;
                break;
            default:
                Counters.Other++;
                break;
        }
    }
}
