using System.Collections.Frozen;
using System.ComponentModel;
using Twins.Diversion;
using Twins.Diversion.Windows;
using Twins.Manager.Cluster;
using Twins.Manager.Processes.Windows;
using Twins.Manager.Registry;
using Twins.Packets;
using Twins.Table;

namespace Twins.Manager.Hooks.Windows;

/// <summary>
/// Adds to what hooks tell what the driver sees of the sockets of mobile processes: of those that have no hook because they were attached
/// or it failed, of 32-bit children, of connections made inside ws2_32. The driver is asked only while a mobile process runs here. When it
/// refuses, hooks and the system's tables remain. Sockets that a child opens in its first second may be missed.
/// </summary>
internal sealed partial class SocketWatch(
    ProcessRegistry registry,
    NodeCluster identity,
    HookListener hook,
    SocketWatchState state,
    ILogger<SocketWatch> log) : BackgroundService
{
    private static readonly TimeSpan LookAround = TimeSpan.FromSeconds(1);

    // Each trial may load the driver, and what it refuses for is rarely over sooner.
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMinutes(1);

    private volatile IReadOnlySet<int> _pids = FrozenSet<int>.Empty;
    private WinDivertSocketEvents? _events;
    private volatile DiversionException? _failure;
    private volatile bool _hasEnded; // also when the driver is gone

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
                await Task.Delay(TryLook() ? LookAround : PauseAfterFailure, stoppingToken);
        }
        finally
        {
            Close();
        }
    }

    /// <summary>Sees which processes there are now, and begins or ends to listen.</summary>
    /// <returns>Whether it is as it should be.</returns>
    private bool TryLook()
    {
        try
        {
            if (_hasEnded)
            {
                var failure = _failure;
                Close();
                if (failure is not null)
                    throw failure;
            }

            _pids = WindowsProcesses.ReadTrees([.. registry.List()
                .Where(r => r is { State: not ProcessState.Exited, Role: NodeRole.Home } && r.CurrentNode == identity.Name)
                .Select(r => r.Pid)]);
            if (_pids.Count == 0)
            {
                Close();
            }
            else if (_events is null)
            {
                _events = WinDivertSocketEvents.Open(Take, End);
                state.IsListening = true;
                LogListening();
            }

            state.Failure = null;
            return true;
        }
        catch (Exception e) when (e is DiversionException or DllNotFoundException or Win32Exception)
        {
            Close();
            if (state.Failure != e.Message)
                LogFailed(e.Message);
            state.Failure = e.Message;
            return false;
        }
    }

    private void Take(SocketEvent seen)
    {
        if (!_pids.Contains(seen.Pid))
            return;
        state.Count();
        var kind = seen.Kind switch
        {
            SocketEventKind.Listen => HookEventKind.Listen,
            SocketEventKind.Connect => HookEventKind.Connect,
            _ => HookEventKind.Accept,
        };
        hook.Tell(new HookEvent(seen.Pid, kind, (int)IpProtocol.Tcp, seen.Local, seen.Remote, IsInProgress: seen.Kind == SocketEventKind.Connect));
    }

    private void End(DiversionException? failure)
    {
        _failure = failure;
        _hasEnded = true;
    }

    private void Close()
    {
        _events?.Dispose();
        _events = null;
        _failure = null;
        _hasEnded = false;
        state.IsListening = false;
    }

    [LoggerMessage(3202, LogLevel.Information, "The driver tells of the sockets of mobile processes, too.")]
    private partial void LogListening();

    [LoggerMessage(3203, LogLevel.Warning, "The driver doesn't tell of sockets ({Cause}). Hooks do, and the sockets of a process are read from the system when it is held; it is tried again in a minute.")]
    private partial void LogFailed(string cause);
}
