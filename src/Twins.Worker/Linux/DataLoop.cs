using System.Collections.Concurrent;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Twins.Diversion;
using Twins.Diversion.Linux;

namespace Twins.Worker.Linux;

/// <summary>
/// The data thread: waits for commands, diverted packets and what cabins send. Commands are carried out between packets, so a
/// packet sees the state before a command or after it, never in between.
/// </summary>
internal sealed unsafe class DataLoop : IDisposable
{
    private const int TickMilliseconds = 1000;
    private const int WaitingPortMilliseconds = 10;
    private const int Interrupted = 4;
    private readonly ConcurrentQueue<ControlItem> _items = new();
    private readonly Wakeup _wakeup = new();
    private readonly NetfilterQueue _queue;
    private readonly LinuxPacketOutput _output;
    private readonly TwinState _state;
    private readonly CommandHandler _commands;
    private readonly LinuxPacketPath _path;
    private readonly ControlClients _clients = new();
    private PollDescriptor[] _descriptors = new PollDescriptor[16];
    private long _lastTick;
    private bool _isGathering;

    public DataLoop(TwinOptions options, NetfilterQueue queue, RawSender sender, SuperpacketSender? superpackets)
    {
        _queue = queue;
        _output = new LinuxPacketOutput(sender, superpackets);
        _state = new TwinState(options, _output, queue.ReadKernelDrops, _clients.Report);
        _commands = new CommandHandler(_state);
        _path = new LinuxPacketPath(_state, _output);
    }

    /// <summary>Hands something to the data thread. May be called on any thread.</summary>
    public void Post(ControlItem item)
    {
        _items.Enqueue(item);
        _wakeup.Set();
    }

    /// <summary>Runs until the process ends.</summary>
    public void Run()
    {
        while (true)
        {
            Wait();
            _wakeup.Clear();
            while (_items.TryDequeue(out var item))
                Carry(item);
            _path.Pump(_queue);
            var waiting = false;
            foreach (var process in _state.Processes)
            {
                PumpCabin(process);
                waiting |= process.Placeholders.Waiting > 0;
            }

            _path.ReportTooLarge();
            _isGathering = _state.Watches.FlushGathered();
            var now = Environment.TickCount64;
            if (waiting || now - _lastTick >= TickMilliseconds)
            {
                _lastTick = now;
                _state.Tick(now);
            }
        }
    }

    public void Dispose()
    {
        _wakeup.Dispose();
        _output.Dispose();
    }

    private void Wait()
    {
        var count = 0;
        Add(ref count, _wakeup.Number);
        Add(ref count, _queue.Descriptor.Number);
        var timeout = _isGathering ? PacketWatches.GatheringMilliseconds : TickMilliseconds;
        foreach (var process in _state.Processes)
        {
            if (process.Tun is { } tun)
                Add(ref count, tun.Descriptor.Number);
            if (process.Placeholders.Waiting > 0)
                timeout = WaitingPortMilliseconds;
        }

        fixed (PollDescriptor* descriptors = _descriptors)
        {
            if (Native.Poll(descriptors, (nuint)count, timeout) < 0 && Marshal.GetLastPInvokeError() != Interrupted)
                throw new Win32Exception(Marshal.GetLastPInvokeError(), "poll");
        }
    }

    private void Add(ref int count, int descriptor)
    {
        if (count == _descriptors.Length)
            Array.Resize(ref _descriptors, count * 2);
        _descriptors[count++] = new PollDescriptor { Descriptor = descriptor, Events = PollDescriptor.Readable };
    }

    private void Carry(ControlItem item)
    {
        if (!item.Connection.IsOpen)
        {
            // Its sender is gone; who comes next says all that counts.
            item.Descriptor?.Dispose();
            return;
        }

        var reply = _commands.Handle(item.Request, item.Descriptor);
        // Before the answer: what twinsd diverts after it comes as the state now needs it.
        _queue.SetOffload(_state.EndsInCabins);
        _clients.Answer(item, reply, _state);
    }

    private void PumpCabin(MobileProcess process)
    {
        if (process.Tun is not { } tun)
            return;
        try
        {
            _path.Pump(process, tun);
        }
        catch (DiversionException exception)
        {
            Log.Warning("cabin-gone", $"process={process.Id} error=\"{exception.Message}\"");
            _state.CloseCabin(process);
        }
    }
}
