using System.Diagnostics;
using Twins.Cli.Native;
using Twins.Cli.Processes;

namespace Twins.Cli.Tests;

/// <summary><c>twins demo</c> as a program of its own, and what it has made on this machine.</summary>
internal sealed class DemoRun : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);
    private readonly Process _process;
    private readonly string _lab;
    private readonly List<string> _said = [];
    private readonly HashSet<ProcessIdentity> _machines = [];
    private readonly Task<string> _output;

    /// <param name="lab">Value of TWINS_LAB.</param>
    /// <param name="start">The program and its arguments.</param>
    public DemoRun(string lab, ProcessStartInfo start)
    {
        _lab = lab + "-demo";
        start.Environment["TWINS_LAB"] = lab;
        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        _output = _process.StandardOutput.ReadToEndAsync();
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_said)
                _said.Add(line.Data ?? "");
        };
        _process.BeginErrorReadLine();
    }

    /// <summary>The directory of what nginx serves; empty before it is there.</summary>
    public string Files { get; private set; } = "";

    /// <summary>What it says of its progress and failure.</summary>
    public string Said
    {
        get
        {
            lock (_said)
                return string.Join('\n', _said);
        }
    }

    /// <summary>Waits until it has said something, and remembers what it has made until then.</summary>
    public async Task UntilSaidAsync(string text)
    {
        for (long start = Stopwatch.GetTimestamp(); !Said.Contains(text, StringComparison.Ordinal); await Task.Delay(10))
        {
            Assert.IsFalse(_process.HasExited, $"it ended: {Said}");
            Assert.IsTrue(Stopwatch.GetElapsedTime(start) < Limit, $"it didn't say '{text}': {Said}");
        }
        Files = Directory.GetFiles($"/proc/{_process.Id}/fd").Select(descriptor => new FileInfo(descriptor).LinkTarget ?? "")
            .Where(file => file.StartsWith("/var/tmp/twins-demo-", StringComparison.Ordinal) && file.EndsWith("/owner", StringComparison.Ordinal))
            .Select(file => Path.GetDirectoryName(file)!).Single();
        foreach (string file in Directory.GetFiles(_lab, "*.stat"))
        {
            if (ProcessIdentity.Parse(await File.ReadAllTextAsync(file)) is { } machine)
                _machines.Add(machine);
        }
        Assert.IsNotEmpty(_machines);
    }

    public void Signal(int signal) => Assert.AreEqual(0, LibC.Kill(_process.Id, signal));

    public async Task<CommandLineResult> EndAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Limit);
        return new CommandLineResult(_process.ExitCode, await _output, Said);
    }

    /// <summary>Nothing that it had made is there any more.</summary>
    public void AssertNothingIsLeft()
    {
        Assert.AreNotEqual("", Files);
        Assert.IsFalse(Directory.Exists(Files), Files);
        Assert.IsFalse(Directory.Exists(_lab), _lab);
        Assert.IsFalse(File.Exists(_lab + ".owner"));
        Assert.IsFalse(_machines.Any(machine => machine.IsAlive), "a lab machine lives");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }
}
