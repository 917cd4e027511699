using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Twins.Cli.Demo.Load;
using Twins.Cli.Lab;
using Twins.Cli.Processes;

namespace Twins.Cli.Demo;

/// <summary>A load client on a lab machine. The lab's end ends it too.</summary>
internal sealed class ClientProcess : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private readonly ConcurrentDictionary<int, TaskCompletionSource<double>> _marks = new();
    private readonly TaskCompletionSource<ClientReport> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Process _process;
    private int _lastMark;

    private ClientProcess(string program, Process process)
    {
        Program = program;
        _process = process;
        _ = ReadAsync();
    }

    /// <summary>The server's name.</summary>
    public string Program { get; }

    /// <summary>The newest report; null before the first.</summary>
    public ClientReport? Latest { get; private set; }

    /// <summary>The last report.</summary>
    public Task<ClientReport> Ended => _ended.Task;

    public static ClientProcess Start(CliEnvironment environment, ProcessIdentity machine, string program, IEnumerable<string> arguments)
    {
        ProcessStartInfo start = LabExec.Start(environment, machine, ["twins", Commands.DemoClientCommand.Name, .. arguments]);
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        return new ClientProcess(program, Process.Start(start)!);
    }

    /// <summary>Waits until the server has answered some requests.</summary>
    public async Task UntilWorkingAsync(CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        while (Latest is not { Exchanges: > 100 })
        {
            if (_ended.Task.IsCompleted || Stopwatch.GetElapsedTime(start) > Limit)
                throw new CliException(ExitCode.Failed, "client-failed", $"the client of {Program} got no answer: {Latest?.Error}");
            await Task.Delay(20, cancellation);
        }
    }

    /// <summary>The client's longest silence, in milliseconds, since the mark before.</summary>
    public async Task<double> MarkAsync(CancellationToken cancellation)
    {
        int mark = ++_lastMark;
        var answer = new TaskCompletionSource<double>(TaskCreationOptions.RunContinuationsAsynchronously);
        _marks[mark] = answer;
        await TellAsync(string.Create(CultureInfo.InvariantCulture, $"mark {mark}"));
        Task first = await Task.WhenAny(answer.Task, _ended.Task).WaitAsync(Limit, cancellation);
        return first == answer.Task ? await answer.Task
            : throw new CliException(ExitCode.Failed, "client-failed", $"the client of {Program} ended: {(await _ended.Task).Error}");
    }

    /// <summary>Lets the client come to its end.</summary>
    public async Task<ClientReport> FinishAsync(CancellationToken cancellation)
    {
        await TellAsync("finish");
        return await _ended.Task.WaitAsync(Limit, cancellation);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    private async Task TellAsync(string line)
    {
        try
        {
            await _process.StandardInput.WriteLineAsync(line);
            await _process.StandardInput.FlushAsync();
        }
        catch (IOException)
        {
            // It has ended; its last report says why.
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            while (await _process.StandardOutput.ReadLineAsync() is { } line)
            {
                if (JsonSerializer.Deserialize(line, ClientJson.Default.ClientReport) is not { } report)
                    continue;
                Latest = report;
                if (_marks.TryRemove(report.Mark, out TaskCompletionSource<double>? asked))
                    asked.SetResult(report.WindowSilenceMilliseconds);
            }
        }
        finally
        {
            ClientReport last = Latest ?? new ClientReport(0, 0, 0, 0, 0, 0, false, "");
            Latest = last.Done || last.Error.Length > 0 ? last : last with { Error = "it ended without a report" };
            _ended.SetResult(Latest);
        }
    }
}
