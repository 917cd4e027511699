using Twins.Diversion.Linux;
using Twins.Diversion.Windows;
using Twins.Packets;
using Twins.Redirection;

namespace Twins.Worker.Windows;

/// <summary>The network, by WinDivert. There are no cabins on Windows.</summary>
internal sealed class WindowsPacketOutput(WinDivertSender sender) : PacketOutput
{
    private long _cabinRefusals;

    /// <inheritdoc/>
    public override long TooLarge => sender.Counters.TooLarge;

    /// <inheritdoc/>
    public override long SendFailed => sender.Counters.Refused - sender.Counters.TooLarge + _cabinRefusals;

    /// <inheritdoc/>
    public override void Send(Side side, ReadOnlySpan<byte> packet)
    {
        if (side.IsCabin)
            _cabinRefusals++;
        else
            sender.Enqueue(packet);
    }

    /// <inheritdoc/>
    public override void SendInPlace(Side side, in PacketView packet) => Send(side, packet.Bytes);

    /// <inheritdoc/>
    public override void SendToNetwork(ReadOnlySpan<byte> packet) => sender.Enqueue(packet);

    /// <inheritdoc/>
    public override void Flush() => sender.Flush();

    /// <inheritdoc/>
    public override void SetCabin(int index, Tun? tun) => throw new PlatformNotSupportedException("There are no cabins on Windows.");

    /// <summary>Nothing: the sender is the loop's.</summary>
    public override void Dispose()
    {
    }
}
