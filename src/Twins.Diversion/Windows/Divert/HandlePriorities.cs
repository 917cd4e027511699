namespace Twins.Diversion.Windows;

/// <summary>
/// In which order the handles of Twins see a packet, and which of them see what another one sends: only those below it.
/// <code>
/// Sniff in  sees what comes, for twins capture
/// Silence   drops what local sockets would answer
/// Capture   takes what is diverted
/// Guard     drops what is diverted when nobody has captured it: the twin is dead
/// Sending   whatever a twin sends; none of those above sees it again
/// Sniff out sees what leaves, for twins capture
/// </code>
/// </summary>
internal static class HandlePriorities
{
    public const short SniffInbound = 500;
    public const short Silence = 400;
    public const short Capture = 300;
    public const short Guard = 200;
    public const short Sending = 100;
    public const short SniffOutbound = 50;

    /// <summary>At <see cref="WinDivertLayer.Socket"/>, where it is the only one.</summary>
    public const short Sockets = 0;
}
