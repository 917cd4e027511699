using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Grpc.Core;
using Twins.Cli.Client;
using Twins.Cli.Native;
using Twins.Protocol;

namespace Twins.Cli.Processes;

/// <summary>A program that <c>twins run</c> starts: from its launch to its end, or to its leaving this node.</summary>
internal sealed partial class MobileProgram(CliEnvironment environment, IReadOnlyList<string> command)
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10);
    private readonly LocalApi.LocalApiClient _client = environment.Client();

    /// <summary>True if a process can be called so; digits alone would be a PID.</summary>
    public static bool IsName(string name) => NamePattern().IsMatch(name) && !name.All(char.IsAsciiDigit);

    /// <summary>1. Finds a name. 2. Launches the program. 3. Attaches it. 4. Follows it to its end.</summary>
    /// <returns>The exit code of <c>twins run</c>.</returns>
    public async Task<int> RunAsync(string? wantedName, bool detach, CancellationToken cancellation)
    {
        // 1.
        string name = await FindNameAsync(wantedName, cancellation);
        RequireLauncher();
        Directory.CreateDirectory(environment.OutputDirectory);
        string output = Path.Combine(environment.OutputDirectory, name + ".out");
        string error = Path.Combine(environment.OutputDirectory, name + ".err");
        File.WriteAllBytes(output, []);
        File.WriteAllBytes(error, []);

        // 2.
        LibC.KeepDescriptorsPrivate();
        using Process process = Process.Start(new ProcessStartInfo(environment.Installation.Launcher,
            ["--stdout", output, "--stderr", error, "--hook", environment.Installation.HookLibrary, "--", .. command]))!;
        var tail = new OutputTail(environment, output, error);
        try
        {
            await UntilStartedAsync(process, cancellation);

            // 3.
            ProcessInfo? attached = await AttachAsync(process, name, output, error, cancellation);
            if (attached is null)
                return await EndAsync(process, tail);
            await environment.Out.WriteLineAsync($"{attached.Name} {attached.Pid}");
            await environment.Out.FlushAsync(cancellation);
            if (detach)
                return ExitCode.Done;
            tail.Start();

            // 4.
            return await FollowAsync(process, attached, tail);
        }
        catch (Exception failure) when (failure is RpcException or CliException or OperationCanceledException && !process.HasExited)
        {
            await StopAsync(process);
            await tail.FinishAsync();
            throw;
        }
    }

    private async Task<string> FindNameAsync(string? wanted, CancellationToken cancellation)
    {
        ListProcessesReply reply = await _client.ListProcessesAsync(new ListProcessesRequest(), cancellationToken: cancellation);
        var taken = reply.Processes.Where(process => process.State != "exited").Select(process => process.Name).ToHashSet();
        if (wanted is not null)
        {
            return !taken.Contains(wanted) ? wanted
                : throw new CliException(ExitCode.Failed, "name-taken", $"a process called '{wanted}' runs already (twins show {wanted})");
        }
        string stem = NameStem().Replace(Path.GetFileName(command[0]), "");
        stem = IsName(stem) ? stem : "process";
        return Enumerable.Range(1, int.MaxValue).Select(number => number == 1 ? stem : $"{stem}-{number}")
            .First(name => !taken.Contains(name));
    }

    private void RequireLauncher()
    {
        foreach (string file in new[] { environment.Installation.Launcher, environment.Installation.HookLibrary })
        {
            if (!File.Exists(file))
            {
                throw new CliException(ExitCode.Failed, "hook-missing",
                    $"{file} isn't there: ./twins at the repository root builds it, or set TWINS_HOME to the directory that holds build/");
            }
        }
    }

    /// <summary>Until the launcher has become the program: what is attached is the program.</summary>
    private async Task UntilStartedAsync(Process process, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        string launcher = Path.GetFullPath(environment.Installation.Launcher);
        while (!process.HasExited)
        {
            string? executable = ExecutableOf(process.Id);
            // Between fork and exec it still is this CLI.
            if (executable is not null && executable != launcher && executable != Environment.ProcessPath)
                return;
            if (Stopwatch.GetElapsedTime(start) > StartLimit)
                throw new CliException(ExitCode.Failed, "start-timeout", $"{command[0]} didn't start within {StartLimit.TotalSeconds:0} s");
            await Task.Delay(2, cancellation);
        }
    }

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

    /// <returns>Null if the program ended before it could be attached.</returns>
    private async Task<ProcessInfo?> AttachAsync(
        Process process, string name, string output, string error, CancellationToken cancellation)
    {
        if (process.HasExited)
            return null;
        try
        {
            return await _client.AttachAsync(new AttachRequest
            {
                Pid = process.Id,
                Name = name,
                OutputPath = output,
                ErrorPath = error,
            }, cancellationToken: cancellation);
        }
        catch (RpcException) when (ProcessIdentity.Of(process.Id) is not { IsAlive: true })
        {
            return null;
        }
    }

    private async Task<int> FollowAsync(Process process, ProcessInfo attached, OutputTail tail)
    {
        // Ctrl-C goes to the program, as in a shell; what it does then is its own affair.
        using PosixSignalRegistration interrupt = Forward(PosixSignal.SIGINT, LibC.SigInt, process);
        using PosixSignalRegistration terminate = Forward(PosixSignal.SIGTERM, LibC.SigTerm, process);
        using PosixSignalRegistration hangUp = Forward(PosixSignal.SIGHUP, LibC.SigHangUp, process);
        int exitCode = await EndAsync(process, tail);
        ProcessInfo? now = await FindAsync(attached.ProcessId);
        if (now is null || now.State == "exited" || now.Epoch == attached.Epoch)
            return exitCode;
        await environment.Error.WriteLineAsync(now.Node == attached.Node
            ? $"twins: {now.Name} moved away and is back on {now.Node}; it runs on there"
            : $"twins: {now.Name} moved to {now.Node}; it runs on there");
        return ExitCode.Done;
    }

    private static PosixSignalRegistration Forward(PosixSignal signal, int number, Process process) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            // The launcher made it the leader of its own process group.
            if (!process.HasExited)
                _ = LibC.Kill(-process.Id, number);
        });

    private static async Task<int> EndAsync(Process process, OutputTail tail)
    {
        await process.WaitForExitAsync(CancellationToken.None);
        await tail.FinishAsync();
        return process.ExitCode;
    }

    private async Task<ProcessInfo?> FindAsync(string processId)
    {
        try
        {
            ListProcessesReply reply = await _client.ListProcessesAsync(
                new ListProcessesRequest(), deadline: DateTime.UtcNow.AddSeconds(10));
            return reply.Processes.FirstOrDefault(process => process.ProcessId == processId);
        }
        catch (RpcException failure)
        {
            await environment.Error.WriteLineAsync(
                $"twins: whether it moved isn't known: {RpcFailure.Explain(failure, environment).Message}");
            return null;
        }
    }

    private static async Task StopAsync(Process process)
    {
        _ = LibC.Kill(-process.Id, LibC.SigTerm);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _ = LibC.Kill(-process.Id, LibC.SigKill);
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    [GeneratedRegex("^[A-Za-z0-9._-]{1,64}$")]
    private static partial Regex NamePattern();

    [GeneratedRegex("[^A-Za-z0-9._-]")]
    private static partial Regex NameStem();
}
