using System.CommandLine;
using Twins.Cli.Output;
using Twins.Cli.Windows;

namespace Twins.Cli.Commands;

/// <summary><c>twins service</c>: <c>twinsd</c> as a Windows service.</summary>
internal static class ServiceCommand
{
    public static Command Create(CliEnvironment environment) => new("service",
        "twinsd as a Windows service")
    {
        CreateInstall(environment),
        Simple(environment, "remove", "Stop the service and take it from the service manager's list; its data stay", "removed",
            async (service, cancellation) => { await service.RemoveAsync(cancellation); return 0; }),
        Simple(environment, "start", "Start the service, and wait until it runs or has said why it can't", "running",
            (service, cancellation) => service.StartAsync(cancellation)),
        Simple(environment, "stop", "Stop the service, and wait until it has", "stopped",
            async (service, cancellation) => { await service.StopAsync(cancellation); return 0; }),
    };

    private static Command CreateInstall(CliEnvironment environment)
    {
        var program = new Option<string>("--program")
        {
            HelpName = "PATH",
            Description = "The program twinsd, if not the one that is installed with this one",
        };
        Command command = new Command("install", "Register twinsd with the service manager; it starts with the machine") { program }.WithJson();
        return command.Handle(environment, (result, _) =>
        {
            RequireWindows();
            string path = Path.GetFullPath(result.GetValue(program) ?? environment.Installation.Daemon);
            // A quote can't be in a path; a command line in the place of one would be started as LocalSystem.
            if (!File.Exists(path))
                throw new CliException(ExitCode.Failed, "no-such-program", $"{path} isn't there: give the program twinsd with --program");
            foreach (string missing in new TwinsdService(TwinsdService.DefaultName, environment.Time).Install(path))
                environment.Error.WriteLine($"twins: this Windows doesn't know {missing}; the service is without");
            Tell(environment, result, "installed", 0);
            return Task.FromResult(ExitCode.Done);
        });
    }

    private static Command Simple(
        CliEnvironment environment, string name, string description, string outcome, Func<TwinsdService, CancellationToken, Task<int>> act)
    {
        Command command = new Command(name, description).WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            RequireWindows();
            int pid = await act(new TwinsdService(TwinsdService.DefaultName, environment.Time), cancellation);
            Tell(environment, result, outcome, pid);
            return ExitCode.Done;
        });
    }

    private static void RequireWindows()
    {
        if (!OperatingSystem.IsWindows())
            throw new CliException(ExitCode.Usage, "not-windows", "twins service is for Windows. Here systemd runs services: use systemctl.");
    }

    private static void Tell(CliEnvironment environment, ParseResult result, string state, int pid)
    {
        if (result.WantsJson())
            environment.Out.WriteJson(new ServiceDocument(TwinsdService.DefaultName, state, pid), JsonDocuments.Readable.ServiceDocument);
        else
            environment.Out.WriteLine(pid == 0 ? $"{TwinsdService.DefaultName}: {state}" : $"{TwinsdService.DefaultName}: {state}, PID {pid}");
    }
}
