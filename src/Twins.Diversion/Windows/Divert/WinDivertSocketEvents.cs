namespace Twins.Diversion.Windows;

/// <summary>
/// Listens to what the programs of this machine do with TCP sockets (<see cref="WinDivertLayer.Socket"/>). It only looks on: nothing is
/// blocked or delayed. Events are hints: they may come before or after the first packet, and the driver drops the oldest when too many
/// wait. Needs an elevated Administrator or LocalSystem.
/// </summary>
public sealed unsafe class WinDivertSocketEvents : IDisposable
{
    /// <summary>What is told. The end of a socket isn't: it comes once or twice, and not always as what it was.</summary>
    internal const string Filter = "tcp and (event == LISTEN or event == CONNECT or event == ACCEPT)";

    private readonly WinDivertDevice _device;
    private readonly Thread _thread;
    private readonly Action<SocketEvent> _told;
    private readonly Action<DiversionException?> _ended;

    private WinDivertSocketEvents(WinDivertDevice device, Action<SocketEvent> told, Action<DiversionException?> ended)
    {
        (_device, _told, _ended) = (device, told, ended);
        _thread = new Thread(Run) { IsBackground = true, Name = "socket events" };
    }

    /// <summary>Begins to listen.</summary>
    /// <param name="told">Told each event, on a thread of its own. An exception ends the program.</param>
    /// <param name="ended">Told, once, when nothing more will come: with the failure, or null after disposal.</param>
    /// <exception cref="DiversionException">No rights, no driver, or the driver refuses.</exception>
    public static WinDivertSocketEvents Open(Action<SocketEvent> told, Action<DiversionException?> ended)
    {
        var events = new WinDivertSocketEvents(
            WinDivertDevice.Open(Filter, WinDivertLayer.Socket, HandlePriorities.Sockets, WinDivertFlags.Sniff | WinDivertFlags.ReceiveOnly), told, ended);
        events._thread.Start();
        return events;
    }

    /// <summary>Ends it; not to be called by what it tells.</summary>
    public void Dispose()
    {
        _device.Shutdown(WinDivertShutdown.Receive);
        _thread.Join();
        _device.Dispose();
    }

    private void Run()
    {
        try
        {
            var addresses = stackalloc WinDivertAddress[WinDivertLibrary.MaximumBatch];
            while (_device.Receive(null, 0, addresses, WinDivertLibrary.MaximumBatch, out _) is var count and > 0)
            {
                for (var i = 0; i < count; i++)
                {
                    if (KindOf(addresses[i].Event) is { } kind)
                        _told(new SocketEvent(kind, (int)addresses[i].Socket.ProcessId, addresses[i].Socket.Local, addresses[i].Socket.Remote));
                }
            }

            _ended(null);
        }
        catch (DiversionException failure)
        {
            _ended(failure);
        }
    }

    private static SocketEventKind? KindOf(WinDivertEvent happened) => happened switch
    {
        WinDivertEvent.SocketListen => SocketEventKind.Listen,
        WinDivertEvent.SocketConnect => SocketEventKind.Connect,
        WinDivertEvent.SocketAccept => SocketEventKind.Accept,
        _ => null,
    };
}
