using System.Diagnostics;

namespace Twins.Manager.Windows.Tests.Processes;

/// <summary>A <see cref="SocketProgram"/> in a process of its own, which ends at the latest with the one that started it.</summary>
internal sealed class StartedProgram : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly Process _process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [SocketProgram.Verb])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    })!;

    public int Pid => _process.Id;

    /// <summary>Has it do something, and gives its answer.</summary>
    public string Ask(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
        using var limit = new CancellationTokenSource(Limit);
        var answer = _process.StandardOutput.ReadLineAsync(limit.Token).AsTask().GetAwaiter().GetResult();
        return answer is null || answer.StartsWith("error", StringComparison.Ordinal)
            ? throw new InvalidOperationException($"'{command}' was answered with '{answer}'.")
            : answer;
    }

    /// <summary>Ends it. This process still has a handle of it.</summary>
    public void End()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(Limit))
            _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        End();
        _process.Dispose();
    }
}
