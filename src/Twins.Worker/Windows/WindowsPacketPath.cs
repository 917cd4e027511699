using Twins.Packets;

namespace Twins.Worker.Windows;

/// <summary>The path of a packet where filters are coarser than what is to be diverted: whatever the state doesn't know goes on.</summary>
internal sealed class WindowsPacketPath(TwinState state, PacketOutput output) : PacketPath(state, output)
{
    /// <inheritdoc/>
    protected override bool MayPass(in FiveTuple tuple) => true;
}
