using System.Diagnostics;
using System.Runtime.InteropServices;
using Twins.Cli.Native;
using Twins.Cli.Processes;

namespace Twins.Cli.Lab;

/// <summary>Programs on a lab machine.</summary>
internal static class LabExec
{
    // The directory is kept if the machine has it. nsenter(1) has put us at the machine's root.
    private const string Shell = "cd -- \"$0\" 2>/dev/null || cd /; exec \"$@\"";

    /// <summary>How to start <paramref name="command"/> on the machine whose PID 1 this is.</summary>
    /// <param name="isFromTerminal">Ctrl-C reaches all that is started: nsenter has to stay until the program has ended.</param>
    public static ProcessStartInfo Start(CliEnvironment environment, ProcessIdentity init, IEnumerable<string> command, bool isFromTerminal = false)
    {
        string[] enter = ["nsenter", .. LabTools.Enter(init.Pid)];
        string[] program = ["sh", "-c", Shell, Environment.CurrentDirectory, .. command];
        var start = isFromTerminal
            ? new ProcessStartInfo("env", ["--ignore-signal=INT,QUIT", .. enter, "env", "--default-signal=INT,QUIT", .. program])
            : new ProcessStartInfo(enter[0], [.. enter[1..], .. program]);
        start.Environment["PATH"] = "/run/twins/bin:" + environment.Variable("PATH");
        start.Environment["TWINS_HOME"] = environment.Installation.Home;
        start.Environment.Remove("TWINS_SOCKET");
        return start;
    }

    /// <summary>Runs a program on the machine with our own input and output, and passes on signals.</summary>
    /// <returns>Its exit code; 128 + N if signal N ended it.</returns>
    public static async Task<int> RunAsync(CliEnvironment environment, ProcessIdentity init, IReadOnlyList<string> command)
    {
        LibC.KeepDescriptorsPrivate();
        // From a terminal Ctrl-C reaches the program by itself.
        bool terminal = LibC.IsTerminal(0) == 1;
        using Process process = Process.Start(Start(environment, init, command, terminal))!;
        ProcessIdentity enter = ProcessIdentity.Of(process.Id) ?? default;
        using PosixSignalRegistration interrupt = Forward(PosixSignal.SIGINT, terminal ? 0 : LibC.SigInt, enter);
        using PosixSignalRegistration terminate = Forward(PosixSignal.SIGTERM, LibC.SigTerm, enter);
        using PosixSignalRegistration hangUp = Forward(PosixSignal.SIGHUP, LibC.SigHangUp, enter);
        using PosixSignalRegistration quit = Forward(PosixSignal.SIGQUIT, terminal ? 0 : LibC.SigQuit, enter);
        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode;
    }

    private static PosixSignalRegistration Forward(PosixSignal signal, int number, ProcessIdentity enter) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            // nsenter waits for its only child, the program.
            if (number != 0 && enter.FirstChild() is { } program)
                _ = LibC.Kill(program.Pid, number);
        });
}
