using System.Collections.Concurrent;
using System.ComponentModel;
using Grpc.Core;
using Grpc.Net.Client;
using Twins.Protocol;
using Twins.Tray.Balloons;
using Twins.Tray.Menu;
using Twins.Tray.Node;
using Twins.Tray.Status;

namespace Twins.Tray.Windows;

/// <summary>The tray: what <c>twinsd</c> tells becomes icon, tooltip and balloons; what is chosen in the menu is done. Everything but the
/// hearing and the calls happens on the window's thread.</summary>
internal sealed class TrayApplication : IDisposable
{
    private const int MostBalloons = 5;

    private const string PauseWarning =
        "All connections that this node redirects to processes on other nodes will stand still until you resume them, or for ten minutes "
        + "(setting handWait of twinsd).\n\nNo connection is closed by this, but peers wait for answers, and some give up after less than a minute.\n\nPause redirecting?";

    private readonly TrayWindow _window = new();
    private readonly NotifyIcon _icon;
    private readonly Launcher _launcher = new(Path.Combine(AppContext.BaseDirectory, "twins.exe"));
    private readonly NodeCommands _commands;
    private readonly NodeWatch _watch;
    private readonly Announcer _announcer = new();
    private readonly ConcurrentQueue<Balloon> _balloons = new();
    private readonly CancellationTokenSource _closing = new();
    private volatile NodeView _view = NodeView.Unknown;
    private IReadOnlyList<MenuEntry> _menu = [];
    private StateIcon? _image;
    private string _tooltip = "";
    private volatile bool _isAsking;

    /// <param name="open">Opens a channel to <c>twinsd</c>.</param>
    public TrayApplication(Func<GrpcChannel> open)
    {
        _icon = new NotifyIcon(_window.Handle, TrayWindow.IconMessage);
        _commands = new NodeCommands(open);
        _watch = new NodeWatch(open, Hear, TimeProvider.System);
        _window.Update = Update;
        _window.TaskbarCreated = () =>
        {
            _icon.Forget();
            Update();
        };
        _window.MenuAsked = (x, y) => PopupMenu.Show(_window.Handle, _menu = TrayMenu.Build(_view, LogonRegistry.Read()), x, y);
        _window.Chosen = Choose;
    }

    /// <summary>Until the user quits, or the session ends.</summary>
    public void Run()
    {
        Update();
        var watching = Task.Run(() => _watch.RunAsync(_closing.Token));
        TrayWindow.Run();
        _closing.Cancel();
        watching.Wait(TimeSpan.FromSeconds(2));
    }

    public void Dispose()
    {
        _icon.Remove();
        _image?.Dispose();
        _window.Dispose();
        _closing.Dispose();
    }

    private void Hear(NodeView view)
    {
        foreach (var balloon in _announcer.Hear(view))
            Enqueue(balloon);
        _view = view;
        _window.Wake();
    }

    private void Enqueue(Balloon balloon)
    {
        _balloons.Enqueue(balloon);
        // The older ones have waited for a taskbar in vain.
        while (_balloons.Count > MostBalloons)
            _balloons.TryDequeue(out _);
    }

    private void Tell(BalloonKind kind, string title, string text)
    {
        Enqueue(new Balloon(kind, title, text));
        _window.Wake();
    }

    private void Update()
    {
        var status = TrayStatus.Of(_view);
        var image = StateIcon.Fit(_image, status.State, _window.Handle);
        if (image != _image || status.Tooltip != _tooltip || !_icon.IsThere)
        {
            (_image, _tooltip) = (image, status.Tooltip);
            _window.Entitle(_tooltip);
            if (!_icon.Show(_image.Handle, _tooltip))
            {
                // Before the taskbar is there; it may also be too busy to answer.
                _window.WakeLater();
                return;
            }
        }

        while (_balloons.TryDequeue(out var balloon))
            _icon.Show(balloon);
    }

    private void Choose(int identifier)
    {
        try
        {
            switch ((MenuCommand)identifier)
            {
                // A click on the icon.
                case MenuCommand.None or MenuCommand.OpenPage:
                    Carry("The admin page can't be opened", async () => Launcher.OpenPage(await _commands.OpenPageAsync()));
                    break;
                case MenuCommand.Pause when Confirms():
                    Carry("Redirecting can't be paused", async () => TellPaused("Redirecting is paused", "Nothing to pause", await _commands.PauseAsync()), "pause");
                    break;
                case MenuCommand.Resume:
                    Carry("Redirecting can't be resumed", async () => TellPaused("Redirecting goes on", "Nothing is paused", await _commands.ResumeAsync()), "resume");
                    break;
                case MenuCommand.Capture:
                    _launcher.OpenElevatedConsole("capture");
                    break;
                case MenuCommand.ViewLog when _view.Link == NodeLink.Connected:
                    _launcher.OpenElevatedConsole("log", "--follow");
                    break;
                case MenuCommand.ViewLog:
                    Launcher.OpenEventLog();
                    break;
                case MenuCommand.StartAtLogon:
                    LogonRegistry.Write(LogonRegistry.Read() == LogonStart.No, Environment.ProcessPath!);
                    break;
                case MenuCommand.Quit:
                    _window.Close();
                    break;
                default:
                    if (_menu.FirstOrDefault(entry => entry.Identifier == identifier) is { Process.Length: > 0 } entry)
                        _launcher.OpenConsole("show", entry.Process);
                    break;
            }
        }
        catch (Exception e) when (e is Win32Exception or ArgumentException or UnauthorizedAccessException or IOException)
        {
            Tell(BalloonKind.Error, "Twins", e.Message);
        }
    }

    /// <summary>Not before the call has ended that goes before it; a failure is told.</summary>
    /// <param name="failed">A balloon's title.</param>
    /// <param name="call">What to do.</param>
    /// <param name="elevated">The CLI's command that does the same, for a user who may not; empty: none.</param>
    private void Carry(string failed, Func<Task> call, string elevated = "")
    {
        if (_isAsking)
            return;
        _isAsking = true;
        _ = Task.Run(async () =>
        {
            try
            {
                await call();
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.PermissionDenied && elevated.Length > 0)
            {
                try
                {
                    _launcher.OpenElevatedConsole(elevated);
                }
                catch (Win32Exception refused)
                {
                    Tell(BalloonKind.Error, failed, refused.Message);
                }
            }
            catch (RpcException e)
            {
                Tell(BalloonKind.Error, failed, e.StatusCode == StatusCode.Unavailable ? NodeFailure.Explain(e).Detail : e.Status.Detail);
            }
            catch (Exception e) when (e is Win32Exception or InvalidDataException)
            {
                Tell(BalloonKind.Error, failed, e.Message);
            }
            finally
            {
                _isAsking = false;
            }
        });
    }

    private bool Confirms()
    {
        if (_isAsking)
            return false;
        _isAsking = true;
        var answer = Native.MessageBox(_window.Handle, PauseWarning, "Twins", Native.AskOkCancel | Native.AskWarning | Native.AskSecondButton | Native.AskForeground);
        _isAsking = false;
        return answer == Native.AnswerOk;
    }

    private void TellPaused(string done, string nothing, IReadOnlyList<ProcessInfo> processes)
    {
        if (processes.Count == 0)
            Tell(BalloonKind.Information, nothing, "No process of this node runs on another one, or those that do are about to move.");
        else
            Tell(BalloonKind.Information, done, string.Join(", ", processes.Select(p => p.Name)));
    }
}
