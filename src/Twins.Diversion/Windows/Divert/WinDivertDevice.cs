using System.Runtime.InteropServices;

namespace Twins.Diversion.Windows;

/// <summary>
/// One handle of the driver. Calls block; a receive call ends when the handle is shut down (<see cref="Shutdown"/>) and what waits has been
/// taken. Receiving and sending may go on at the same time, each by one thread.
/// </summary>
internal sealed unsafe class WinDivertDevice : IDisposable
{
    private readonly WinDivertHandle _handle;

    private WinDivertDevice(WinDivertHandle handle) => _handle = handle;

    /// <summary>Opens a handle at <see cref="WinDivertLayer.Network"/>.</summary>
    /// <param name="filter">What it is about.</param>
    /// <param name="priority">-30,000 to 30,000; higher ones see a packet first.</param>
    /// <param name="flags">What becomes of it.</param>
    /// <exception cref="DiversionException">No rights, no driver, or the driver refuses.</exception>
    public static WinDivertDevice Open(PacketFilter filter, short priority, WinDivertFlags flags) =>
        Open(filter.ToString(), WinDivertLayer.Network, priority, flags);

    /// <summary>Opens a handle at any layer.</summary>
    /// <param name="filter">What it is about, in WinDivert's language.</param>
    /// <param name="layer">Where it takes part.</param>
    /// <param name="priority">-30,000 to 30,000; higher ones see a packet or an event first.</param>
    /// <param name="flags">What becomes of it.</param>
    /// <exception cref="DiversionException">No rights, no driver, or the driver refuses.</exception>
    public static WinDivertDevice Open(string filter, WinDivertLayer layer, short priority, WinDivertFlags flags)
    {
        var handle = WinDivertLibrary.Open(filter, (int)layer, priority, flags);
        return handle.IsInvalid ? throw WinDivertErrors.Last("open WinDivert") : new WinDivertDevice(handle);
    }

    /// <summary>Sets the queue's bounds as high as they go: what doesn't fit is dropped without a word.</summary>
    /// <param name="time">How long a packet waits at most, 100 ms to 16 s.</param>
    /// <exception cref="DiversionException">The driver refuses.</exception>
    public void SetQueue(TimeSpan time)
    {
        Set(WinDivertParameter.QueueLength, 16_384);
        Set(WinDivertParameter.QueueSize, 33_554_432);
        Set(WinDivertParameter.QueueTime, (ulong)time.TotalMilliseconds);
    }

    /// <summary>Waits for packets and takes what is there, one after the other in the buffer; at other layers for events, which have none.</summary>
    /// <returns>The number of packets; 0 when the handle is shut down and nothing waits any more, or is closed.</returns>
    /// <exception cref="DiversionException">The driver refuses.</exception>
    public int Receive(byte* packets, int packetsLength, WinDivertAddress* addresses, int addressCount, out int octets)
    {
        octets = 0;
        uint received;
        // In octets, to and fro.
        var addressesLength = (uint)(addressCount * WinDivertAddress.SizeBytes);
        if (!WinDivertLibrary.Receive(_handle, packets, (uint)packetsLength, &received, 0, addresses, &addressesLength, null))
        {
            var error = Marshal.GetLastPInvokeError();
            return error is WinDivertErrors.NoData or WinDivertErrors.OperationAborted or WinDivertErrors.InvalidHandle ? 0 : throw WinDivertErrors.Of("receive packets", error);
        }

        octets = (int)received;
        return (int)(addressesLength / WinDivertAddress.SizeBytes);
    }

    /// <summary>Sends packets that lie one after the other. That they are sent means that the stack has taken them.</summary>
    /// <returns>0, or the Win32 error of the last one that was refused. After one that is no IP packet none is sent.</returns>
    public int Send(byte* packets, int packetsLength, WinDivertAddress* addresses, int addressCount) =>
        WinDivertLibrary.Send(_handle, packets, (uint)packetsLength, null, 0, addresses, (uint)(addressCount * WinDivertAddress.SizeBytes), null)
            ? 0
            : Marshal.GetLastPInvokeError();

    /// <summary>Reads a property of the driver or of this handle.</summary>
    /// <exception cref="DiversionException">The driver refuses.</exception>
    public ulong Read(WinDivertParameter parameter)
    {
        ulong value;
        return WinDivertLibrary.GetParameter(_handle, parameter, &value) ? value : throw WinDivertErrors.Last($"read WinDivert's {parameter}");
    }

    /// <summary>Ends receiving, sending, or both. On any thread.</summary>
    public void Shutdown(WinDivertShutdown how) => _ = WinDivertLibrary.Shutdown(_handle, how);

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private void Set(WinDivertParameter parameter, ulong value)
    {
        if (!WinDivertLibrary.SetParameter(_handle, parameter, value))
            throw WinDivertErrors.Last($"set WinDivert's {parameter}");
    }
}
