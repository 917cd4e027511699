using System.Threading.Channels;
using Grpc.Core;
using Twins.Capture;
using Twins.Cli.Client;
using Twins.Protocol;

namespace Twins.Cli.Capturing;

/// <summary>One <c>twins capture</c>, live or from a file: sources, joiner, outputs.</summary>
internal sealed class CaptureRun : IDisposable
{
    // Frames and records together.
    private const int MostWaiting = 16_384;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan TimeToRefresh = TimeSpan.FromSeconds(1);

    // Twins gather for some milliseconds what they tell.
    private static readonly TimeSpan TimeForLastRecords = TimeSpan.FromMilliseconds(300);

    private readonly CliEnvironment _environment;
    private readonly CaptureRequest _request;
    private readonly FlowBook _flows = new();
    private readonly CaptureSummary _summary = new();
    private readonly PacketJoiner _joiner;
    private readonly Channel<object> _waiting = Channel.CreateBounded<object>(MostWaiting);
    private readonly CancellationTokenSource _end = new();
    private IFrameTest? _filter;
    private CaptureOutput _output = null!;
    private string _name = "";
    private long _shown;
    private long _missed;

    public CaptureRun(CliEnvironment environment, CaptureRequest request)
    {
        _environment = environment;
        _request = request;
        _joiner = new PacketJoiner(_flows, Patience, request.Payload, Take);
    }

    /// <summary>Captures, or reads, until the end that the user wants.</summary>
    public Task<int> RunAsync(CancellationToken cancellation)
    {
        // Before anything is begun.
        if (_request.Filter.Length > 0)
            _filter = CaptureSystem.Test(_request.Filter);
        return _request.ReadPath.Length > 0 ? Task.FromResult(ReadFile()) : CaptureAsync(cancellation);
    }

    public void Dispose()
    {
        _filter?.Dispose();
        _end.Dispose();
    }

    private int ReadFile()
    {
        _name = _request.Process;
        using FileStream file = File.OpenRead(_request.ReadPath);
        IEnumerable<CapturedFrame> frames = Begin(file);
        using (_output = CaptureOutput.Open(_environment, _request))
        {
            string problem = "";
            try
            {
                CaptureReplay.Run(frames.TakeWhile(frame =>
                {
                    _output.Like ??= frame.Interface;
                    return !_end.IsCancellationRequested;
                }).Where(Matches), _flows, _joiner);
            }
            catch (CaptureFileException failure)
            {
                // A capture that was cut off is worth reading up to there.
                problem = $"{_request.ReadPath}: {failure.Message}";
            }
            _joiner.Finish();
            _output.Finish(_summary, dropped: 0, missed: 0, problem);
            return problem.Length == 0 ? ExitCode.Done : ExitCode.Failed;
        }
    }

    private IEnumerable<CapturedFrame> Begin(FileStream file)
    {
        try
        {
            return CaptureFile.Read(file);
        }
        catch (CaptureFileException failure)
        {
            throw new CliException(ExitCode.Failed, "no-capture", $"{_request.ReadPath}: {failure.Message}", failure);
        }
    }

    private async Task<int> CaptureAsync(CancellationToken cancellation)
    {
        using IFrameSource? interfaces = _request.Node.Length > 0 ? null : CaptureSystem.Open(_request.Interface, _request.Filter, _request.Payload);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _end.Token);
        using var late = new CancellationTokenSource();
        using TwinSource? twins = await StartTwinsAsync(end.Token);
        using (_output = CaptureOutput.Open(_environment, _request))
        {
            _output.Like = interfaces?.First;
            if (_request.Duration is { } duration)
                end.CancelAfter(duration);
            var tasks = new List<Task>();
            if (twins is not null)
            {
                tasks.Add(IgnoreEndAsync(twins.RunAsync(record => Put(record), Note, late.Token)));
                if (_request.Node.Length == 0)
                    tasks.Add(IgnoreEndAsync(RefreshAsync(end.Token)));
            }
            // Interfaces are captured since they were opened; what came before the twins told would look as if no twin had touched it.
            long since = Now();
            bool begun = false;
            interfaces?.Start(frame =>
            {
                if (begun |= frame.Nanoseconds >= since)
                    Put(frame);
            });
            Note($"capturing {Describe(interfaces, twins)}; Ctrl-C ends it");
            await WorkAsync(end.Token);
            interfaces?.Stop();
            long until = Now();
            late.CancelAfter(TimeForLastRecords);
            await Task.WhenAll(tasks);
            while (_waiting.Reader.TryRead(out object? item))
            {
                // What was done with a packet that no interface was asked for any more would be half of its line.
                if (item is not TwinRecord record || record.Nanoseconds <= until)
                    Work(item);
            }
            _joiner.Finish();
            _output.Finish(_summary, interfaces?.Dropped ?? 0, _missed + (twins?.Missed ?? 0), "");
            return ExitCode.Done;
        }
    }

    private async Task<TwinSource?> StartTwinsAsync(CancellationToken cancellation)
    {
        var twins = new TwinSource(_environment, new WatchNodeRequest { Process = _request.Process, Node = _request.Node, Payload = _request.Payload });
        try
        {
            if (_request.Process.Length > 0)
            {
                ProcessInfo process = await _environment.Client().ShowProcessAsync(
                    new ShowProcessRequest { Process = _request.Process }, cancellationToken: cancellation);
                _name = process.Name;
                KnownConnections.Add(_flows, process);
            }
            foreach (KnownFlow flow in await twins.StartAsync(cancellation))
                KnownConnections.Add(_flows, flow);
            await KnownConnections.RefreshAsync(_environment, process => KnownConnections.Add(_flows, process), cancellation);
            return twins;
        }
        catch (RpcException failure) when (failure.StatusCode == StatusCode.Unavailable && _request.Process.Length == 0 && _request.Node.Length == 0)
        {
            twins.Dispose();
            Note($"{RpcFailure.Explain(failure, _environment).Message} Packets aren't labelled.");
            return null;
        }
        catch
        {
            twins.Dispose();
            throw;
        }
    }

    private string Describe(IFrameSource? interfaces, TwinSource? twins)
    {
        string here = interfaces is null ? "" : $"on {string.Join(", ", interfaces.Names)}";
        string there = twins is null ? "" : _request.Node.Length > 0 ? $"what the twins of {_request.Node} handle" : "and what this node's twins do";
        return string.Join(' ', new[] { here, there }.Where(part => part.Length > 0));
    }

    private async Task RefreshAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await Task.Delay(TimeToRefresh, _environment.Time, cancellation);
            await KnownConnections.RefreshAsync(_environment, process => Put(process), cancellation);
        }
    }

    private static async Task IgnoreEndAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (OperationCanceledException)
        {
        }
    }

    private void Put(object item)
    {
        if (!_waiting.Writer.TryWrite(item))
            Interlocked.Increment(ref _missed);
    }

    private async Task WorkAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            using var turn = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            turn.CancelAfter(Turn);
            try
            {
                await _waiting.Reader.WaitToReadAsync(turn.Token);
            }
            catch (OperationCanceledException)
            {
                // Time for what has waited long enough, or the end.
            }
            for (int i = 0; i < MostWaiting && !cancellation.IsCancellationRequested && _waiting.Reader.TryRead(out object? item); i++)
                Work(item);
            _joiner.Advance(Now());
            _output.Flush();
            if (_output.IsUnread)
                _end.Cancel();
        }
    }

    private static long Now() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;

    private void Work(object item)
    {
        switch (item)
        {
            case CapturedFrame frame:
                _joiner.Add(frame);
                break;
            case TwinRecord record when Matches(CaptureInterface.RawIp, record.Octets):
                _joiner.Add(record);
                break;
            case ProcessInfo process:
                KnownConnections.Add(_flows, process);
                break;
        }
    }

    private bool Matches(CapturedFrame frame) => Matches(frame.Interface.LinkType, frame.Octets);

    // What the interfaces deliver has passed the filter already; what twins and files have, hasn't.
    private bool Matches(int linkType, ReadOnlyMemory<byte> octets) => _filter?.Matches(linkType, octets) ?? true;

    private void Take(PacketLine line)
    {
        if (_end.IsCancellationRequested || !IsWanted(line))
            return;
        _summary.Add(line);
        _output.Write(line);
        if (!line.IsSeenAgain && ++_shown == _request.Count)
            _end.Cancel();
    }

    private bool IsWanted(PacketLine line)
    {
        if (_name.Length > 0 && line.Label?.Process != _name)
            return false;
        if (_request.Follow.Count == 0)
            return true;
        return line.Label?.Connection is { } connection
            ? _request.Follow.All(end => end == connection.Peer || end == connection.Local)
            : line.Facts is { } facts && _request.Follow.All(end => end == facts.Source || end == facts.Destination);
    }

    private void Note(string text)
    {
        lock (_environment.Error)
            _environment.Error.WriteLine($"twins: {text}");
    }
}
