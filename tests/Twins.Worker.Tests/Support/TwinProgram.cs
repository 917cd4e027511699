using System.Diagnostics;
using System.Globalization;

namespace Twins.Worker.Tests;

/// <summary>A real twin inside a network namespace. Set TWIN_BINARY to test another build, e.g. the published one.</summary>
internal sealed class TwinProgram : IDisposable
{
    private readonly Process _process;
    private readonly List<string> _log = [];

    public TwinProgram(string networkNamespace, string controlPath, int queue, params string[] more)
    {
        ControlPath = controlPath;
        var binary = Environment.GetEnvironmentVariable("TWIN_BINARY") ?? Path.Combine(AppContext.BaseDirectory, "twin");
        var start = new ProcessStartInfo("nsenter") { RedirectStandardError = true };
        foreach (var argument in (string[])[$"--net={networkNamespace}", binary, "--control", controlPath, "--queue", queue.ToString(CultureInfo.InvariantCulture), .. more])
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_log)
                _log.Add(line.Data ?? "");
        };
        _process.BeginErrorReadLine();
    }

    public string ControlPath { get; }

    public int ProcessId => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Log
    {
        get
        {
            lock (_log)
                return string.Join('\n', _log);
        }
    }

    public void Kill()
    {
        _process.Kill();
        // With its output, to the last line.
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }
}
