namespace Twins.Manager.Checkpoint;

/// <summary>
/// Keeps a restored connection whose peer has sent its end from sending into a window that the peer never gave. CRIU restores such
/// an end by sending it to the socket once more, in the peer's name, and puts the socket's own receive window where the peer's
/// belongs (soccr/soccr.c: send_fin). What the socket then sends into a closed window is lost, and is repeated after ever longer
/// times, whatever window the peer opens meanwhile. A segment older than the one that the window was last taken from doesn't change
/// it (SND.WL1 of RFC 9293, 3.10.7.4): so the image says that it was taken from one behind the end.
/// </summary>
internal static class PeersEnd
{
    /// <summary>Sets SND.WL1 in the images of the frozen processes' connections.</summary>
    public static void KeepWindow(IEnumerable<int> pids, string imagesDirectory) => ForeignSockets.ForEach(pids, descriptor =>
    {
        if (!descriptor.HasPeersEnd || TcpStreamImage.TryRead(imagesDirectory, descriptor.Inode) is not { HasSndWl1: true } stream)
            return;
        stream.SndWl1 = stream.InqSeq;
        TcpStreamImage.Replace(imagesDirectory, descriptor.Inode, stream);
    });
}
