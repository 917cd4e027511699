using System.Diagnostics;
using System.Runtime.InteropServices;
using Twins.Cli.Native;

namespace Twins.Cli.Processes.Linux;

/// <summary>The launcher makes itself the leader of a session and then becomes the program: one process, one PID.</summary>
internal sealed class LinuxProgram : IStartedProgram
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10);
    private readonly Process _process;
    private readonly string _launcher;
    private readonly string _command;

    private LinuxProgram(Process process, string launcher, string command)
    {
        _process = process;
        _launcher = Path.GetFullPath(launcher);
        _command = command;
    }

    public int Pid => _process.Id;

    public bool HasEnded => _process.HasExited;

    public bool IsAlive => ProcessIdentity.Of(_process.Id) is { IsAlive: true };

    /// <summary>Starts the launcher.</summary>
    /// <param name="output">File that the program's standard output goes to.</param>
    /// <param name="error">File that its standard error goes to.</param>
    public static LinuxProgram Start(Installation installation, string output, string error, IReadOnlyList<string> command)
    {
        LibC.KeepDescriptorsPrivate();
        Process process = Process.Start(new ProcessStartInfo(installation.Launcher,
            ["--stdout", output, "--stderr", error, "--hook", installation.HookLibrary, "--", .. command]))!;
        return new LinuxProgram(process, installation.Launcher, command[0]);
    }

    /// <inheritdoc/>
    public async Task UntilRunningAsync(CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        while (!_process.HasExited)
        {
            string? executable = ExecutableOf(_process.Id);
            // Between fork and exec it still is this CLI.
            if (executable is not null && executable != _launcher && executable != Environment.ProcessPath)
                return;
            if (Stopwatch.GetElapsedTime(start) > StartLimit)
                throw new CliException(ExitCode.Failed, "start-timeout", $"{_command} didn't start within {StartLimit.TotalSeconds:0} s");
            await Task.Delay(2, cancellation);
        }
    }

    /// <inheritdoc/>
    public async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync(CancellationToken.None);
        return _process.ExitCode;
    }

    /// <inheritdoc/>
    public IDisposable PassSignalsOn() => new Signals(
        Forward(PosixSignal.SIGINT, LibC.SigInt), Forward(PosixSignal.SIGTERM, LibC.SigTerm), Forward(PosixSignal.SIGHUP, LibC.SigHangUp));

    /// <summary>Nothing to do: it has a session of its own.</summary>
    public void LetGo()
    {
    }

    /// <inheritdoc/>
    public async Task StopAsync()
    {
        _ = LibC.Kill(-_process.Id, LibC.SigTerm);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _ = LibC.Kill(-_process.Id, LibC.SigKill);
            await _process.WaitForExitAsync(CancellationToken.None);
        }
    }

    public void Dispose() => _process.Dispose();

    private static string? ExecutableOf(int pid)
    {
        try
        {
            return File.ResolveLinkTarget($"/proc/{pid}/exe", returnFinalTarget: false)?.FullName;
        }
        catch (IOException)
        {
            return null; // It has just ended.
        }
    }

    private PosixSignalRegistration Forward(PosixSignal signal, int number) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            // The launcher made it the leader of its own process group.
            if (!_process.HasExited)
                _ = LibC.Kill(-_process.Id, number);
        });
}
