using System.Collections.Concurrent;
using Twins.Diversion;
using Twins.Diversion.Windows;
using Twins.Protocol;

namespace Twins.Worker.Windows;

/// <summary>
/// The threads of a twin on Windows. One carries out commands, and each capturing handle has one that works through batches; a lock
/// makes them one data thread. What a command will need diverted is captured before it is carried out, because an answer may come
/// faster than a handle opens. What the state doesn't know goes on to the local stack meanwhile: capturing too much does no harm. For a
/// host half it would: what comes over a leg the local stack answers with RST, and what a guest sends mustn't leave as it is. So HOST is
/// carried out first, and what it is about is captured before it is answered.
/// </summary>
internal sealed class CaptureLoop : IDisposable
{
    private const int TickMilliseconds = 1000;
    private const int WaitingPortMilliseconds = 10;
    private readonly BlockingCollection<ControlItem> _items = [];
    private readonly Lock _gate = new();
    private readonly ControlClients _clients = new();
    private readonly WinDivertSender _sender;
    private readonly WinDivertCapture _capture;
    private readonly WindowsPacketOutput _output;
    private readonly TwinState _state;
    private readonly CommandHandler _commands;
    private readonly WindowsPacketPath _path;

    // Of the command thread alone.
    private HashSet<DivertTarget> _targets = [];
    private long _lastTick;

    public CaptureLoop(TwinOptions options, WinDivertSender sender)
    {
        _sender = sender;
        _capture = new WinDivertCapture(sender, Work);
        _output = new WindowsPacketOutput(sender);
        _state = new TwinState(options, _output, () => _capture.Overruns, _clients.Report);
        _commands = new CommandHandler(_state);
        _path = new WindowsPacketPath(_state, _output);
    }

    /// <summary>Hands a command to the loop. May be called on any thread.</summary>
    public void Post(ControlItem item) => _items.Add(item);

    /// <summary>Runs until the process ends.</summary>
    public void Run()
    {
        while (true)
        {
            var isWaiting = _state.Processes.Any(process => process.Placeholders.Waiting > 0);
            if (_items.TryTake(out var item, isWaiting ? WaitingPortMilliseconds : TickMilliseconds))
                Carry(item);
            var now = Environment.TickCount64;
            if (isWaiting || now - _lastTick >= TickMilliseconds)
                Tick(now);
        }
    }

    public void Dispose()
    {
        _capture.Dispose();
        _output.Dispose();
        _sender.Dispose();
        _items.Dispose();
    }

    private void Work(IDiverter batch, int count)
    {
        lock (_gate)
        {
            _path.Work(batch, count);
            _state.Watches.Flush();
        }
    }

    private void Carry(ControlItem item)
    {
        if (!item.Connection.IsOpen)
            return;
        TwinReply reply;
        try
        {
            var needed = Targets.Of(item.Request, _state);
            if (!needed.All(_targets.Contains))
                Divert([.. _targets, .. needed]);
            lock (_gate)
                reply = _commands.Handle(item.Request, item.Descriptor);
            if (item.Request.CommandCase == TwinRequest.CommandOneofCase.Host && reply.Error == TwinError.TwinOk)
                DivertAll();
        }
        catch (DiversionException exception)
        {
            reply = new TwinReply { Id = item.Request.Id, Error = TwinError.TwinFailed, Message = exception.Message };
        }

        lock (_gate)
        {
            _clients.Answer(item, reply, _state);
            _state.Watches.Flush();
        }
    }

    private void Tick(long now)
    {
        _lastTick = now;
        lock (_gate)
        {
            _state.Tick(now);
            _state.Watches.Flush();
        }

        try
        {
            DivertAll();
        }
        catch (DiversionException exception)
        {
            // What was captured still is, and goes on.
            Log.Warning("capture-not-changed", $"error=\"{exception.Message}\"");
        }
    }

    /// <summary>What the state has a decision about, and nothing else.</summary>
    private void DivertAll()
    {
        HashSet<DivertTarget> targets;
        lock (_gate)
            targets = [.. Targets.Of(_state)];
        Divert(targets);
    }

    private void Divert(HashSet<DivertTarget> targets)
    {
        if (targets.SetEquals(_targets))
            return;
        _capture.Change(targets);
        _targets = targets;
    }
}
