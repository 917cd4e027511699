using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Twins.Cli.Processes.Windows;

/// <summary>
/// The launcher stays: the program is its child, and it exits with the child's exit code. While it is there, nobody else gets the
/// program's PID.
/// </summary>
internal sealed class WindowsProgram : IStartedProgram
{
    // More than the launcher gives the hook, so that it is the launcher that says what is wrong.
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(15);
    private readonly Process _launcher;
    private readonly string _command;
    private Process? _program;

    private WindowsProgram(Process launcher, string command)
    {
        _launcher = launcher;
        _command = command;
    }

    public int Pid { get; private set; }

    public bool HasEnded => _launcher.HasExited;

    public bool IsAlive => _program is { HasExited: false };

    /// <summary>Starts the launcher.</summary>
    /// <param name="output">File that the program's standard output goes to.</param>
    /// <param name="error">File that its standard error goes to.</param>
    /// <param name="detached">It gets a console of its own: this one's Ctrl-C and end don't concern it.</param>
    public static WindowsProgram Start(Installation installation, string output, string error, bool detached, IReadOnlyList<string> command)
    {
        string[] console = detached ? ["--own-console"] : [];
        var start = new ProcessStartInfo(installation.Launcher,
            ["--stdout", output, "--stderr", error, "--hook", installation.HookLibrary, "--print-pid", .. console, "--", .. command])
        {
            RedirectStandardOutput = true,
        };
        return new WindowsProgram(Process.Start(start)!, command[0]);
    }

    /// <inheritdoc/>
    public async Task UntilRunningAsync(CancellationToken cancellation)
    {
        try
        {
            string? line = await _launcher.StandardOutput.ReadLineAsync(cancellation).AsTask().WaitAsync(StartLimit, cancellation);
            if (line is null)
            {
                // It couldn't be started; the launcher has said why.
                await _launcher.WaitForExitAsync(cancellation);
                return;
            }
            Pid = int.Parse(line, CultureInfo.InvariantCulture);
            _program = Process.GetProcessById(Pid);
            // Opened now, it stays this process whatever becomes of the PID.
            _ = _program.SafeHandle;
        }
        catch (TimeoutException failure)
        {
            throw new CliException(ExitCode.Failed, "start-timeout", $"{_command} didn't start within {StartLimit.TotalSeconds:0} s", failure);
        }
        catch (ArgumentException)
        {
            // It has just ended.
            await _launcher.WaitForExitAsync(cancellation);
        }
    }

    /// <inheritdoc/>
    public async Task<int> WaitAsync()
    {
        await _launcher.WaitForExitAsync(CancellationToken.None);
        return _launcher.ExitCode;
    }

    /// <summary>The console tells Ctrl-C and Ctrl-Break to all its programs, the launcher's child too: here they are to do nothing.</summary>
    public IDisposable PassSignalsOn() => new Signals(Ignore(PosixSignal.SIGINT), Ignore(PosixSignal.SIGQUIT));

    /// <summary>Ends the launcher, which nobody needs any more; the program doesn't end with it.</summary>
    public void LetGo() => _launcher.Kill();

    /// <inheritdoc/>
    public async Task StopAsync()
    {
        // With the launcher, which may just be putting the hook in.
        _launcher.Kill(entireProcessTree: true);
        await _launcher.WaitForExitAsync(CancellationToken.None);
        if (_program is not null)
            await _program.WaitForExitAsync(CancellationToken.None);
    }

    public void Dispose()
    {
        _program?.Dispose();
        _launcher.Dispose();
    }

    private static PosixSignalRegistration Ignore(PosixSignal signal) =>
        PosixSignalRegistration.Create(signal, context => context.Cancel = true);
}
