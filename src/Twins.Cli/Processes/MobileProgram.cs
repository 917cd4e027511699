using System.Text.RegularExpressions;
using Grpc.Core;
using Twins.Cli.Client;
using Twins.Cli.Processes.Linux;
using Twins.Cli.Processes.Windows;
using Twins.Protocol;

namespace Twins.Cli.Processes;

/// <summary>A program that <c>twins run</c> starts: from its launch to its end, or to its leaving this node.</summary>
internal sealed partial class MobileProgram(CliEnvironment environment, IReadOnlyList<string> command)
{
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
        using IStartedProgram program = OperatingSystem.IsWindows()
            ? WindowsProgram.Start(environment.Installation, output, error, detach, command)
            : LinuxProgram.Start(environment.Installation, output, error, command);
        var tail = new OutputTail(environment, output, error);
        try
        {
            await program.UntilRunningAsync(cancellation);

            // 3.
            ProcessInfo? attached = await AttachAsync(program, name, output, error, cancellation);
            if (attached is null)
                return await EndAsync(program, tail);
            await environment.Out.WriteLineAsync($"{attached.Name} {attached.Pid}");
            await environment.Out.FlushAsync(cancellation);
            if (detach)
            {
                program.LetGo();
                return ExitCode.Done;
            }
            tail.Start();

            // 4.
            return await FollowAsync(program, attached, tail);
        }
        catch (Exception failure) when (failure is RpcException or CliException or OperationCanceledException && !program.HasEnded)
        {
            await program.StopAsync();
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
        string file = Path.GetFileName(command[0]);
        // What every program is called on Windows isn't part of its name.
        if (OperatingSystem.IsWindows() && file.EndsWith(".exe", StringComparison.OrdinalIgnoreCase))
            file = file[..^4];
        string stem = NameStem().Replace(file, "");
        stem = IsName(stem) ? stem : "process";
        return Enumerable.Range(1, int.MaxValue).Select(number => number == 1 ? stem : $"{stem}-{number}")
            .First(name => !taken.Contains(name));
    }

    private void RequireLauncher()
    {
        foreach (string file in new[] { environment.Installation.Launcher, environment.Installation.HookLibrary })
        {
            if (!File.Exists(file))
                throw new CliException(ExitCode.Failed, "hook-missing", $"{file} isn't there: {environment.Installation.Remedy}");
        }
    }

    /// <returns>Null if the program ended before it could be attached.</returns>
    private async Task<ProcessInfo?> AttachAsync(
        IStartedProgram program, string name, string output, string error, CancellationToken cancellation)
    {
        if (program.HasEnded)
            return null;
        try
        {
            return await _client.AttachAsync(new AttachRequest
            {
                Pid = program.Pid,
                Name = name,
                OutputPath = output,
                ErrorPath = error,
            }, cancellationToken: cancellation);
        }
        catch (RpcException) when (!program.IsAlive)
        {
            return null;
        }
    }

    private async Task<int> FollowAsync(IStartedProgram program, ProcessInfo attached, OutputTail tail)
    {
        using IDisposable signals = program.PassSignalsOn();
        int exitCode = await EndAsync(program, tail);
        ProcessInfo? now = await FindAsync(attached.ProcessId);
        if (now is null || now.State == "exited" || now.Epoch == attached.Epoch)
            return exitCode;
        await environment.Error.WriteLineAsync(now.Node == attached.Node
            ? $"twins: {now.Name} moved away and is back on {now.Node}; it runs on there"
            : $"twins: {now.Name} moved to {now.Node}; it runs on there");
        return ExitCode.Done;
    }

    private static async Task<int> EndAsync(IStartedProgram program, OutputTail tail)
    {
        int exitCode = await program.WaitAsync();
        await tail.FinishAsync();
        return exitCode;
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

    [GeneratedRegex("^[A-Za-z0-9._-]{1,64}$")]
    private static partial Regex NamePattern();

    [GeneratedRegex("[^A-Za-z0-9._-]")]
    private static partial Regex NameStem();
}
