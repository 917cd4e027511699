using System.CommandLine;
using Spectre.Console;
using Twins.Cli.Lab;
using Twins.Cli.Output;

namespace Twins.Cli.Commands;

/// <summary><c>twins lab</c>: several machines on this one, to try Twins on.</summary>
internal static class LabCommand
{
    public static Command Create(CliEnvironment environment) => new("lab",
        "Several machines on this one (Linux, root): one network, a twinsd per node")
    {
        CreateUp(environment),
        CreateExec(environment),
        CreateStatus(environment),
        CreateDown(environment),
    };

    private static Command CreateUp(CliEnvironment environment)
    {
        Option<string> nodes = Names("--nodes", "home,host1,host2", "Machines that run twinsd, of one cluster");
        Option<string> outsiders = Names("--outsiders", "peer", "Machines that run nothing of Twins; they have the first addresses");
        var bare = new Option<bool>("--no-daemon") { Description = "Machines only, no twinsd" };
        Command command = new Command("up", "Make the lab: network 10.77.0.0/24 and fd77::/64, names in /etc/hosts")
        { nodes, outsiders, bare }.WithJson();
        return command.HandleOnLinux(environment, async (result, cancellation) =>
        {
            IReadOnlyList<LabMachine> machines = TwinsLab.Plan(
                Split(result.GetRequiredValue(outsiders)), Split(result.GetRequiredValue(nodes)));
            var lab = new TwinsLab(environment);
            if (!await lab.UpAsync(machines, !result.GetValue(bare), cancellation))
                await environment.Error.WriteLineAsync("the lab is up already");
            Show(environment, result, lab.Describe());
            return ExitCode.Done;
        });
    }

    private static Command CreateExec(CliEnvironment environment)
    {
        var machine = new Argument<string>("node") { HelpName = "NODE", Description = "A machine of the lab, outsiders too" };
        var command = new Argument<string[]>("command")
        {
            HelpName = "CMD ARGS...",
            Arity = ArgumentArity.OneOrMore,
            Description = "What to run there; put -- before it",
        };
        return new Command("exec",
            "Run a program on a lab machine, with its exit code; inside, plain `twins ...` talks to that node's twinsd") { machine, command }
            .HandleOnLinux(environment, async (result, _) =>
            {
                TwinsLab.RequireRoot();
                return await LabExec.RunAsync(environment,
                    new TwinsLab(environment).InitOf(result.GetRequiredValue(machine)), result.GetRequiredValue(command));
            });
    }

    private static Command CreateStatus(CliEnvironment environment) =>
        new Command("status", "Show the lab's machines").WithJson().HandleOnLinux(environment, (result, _) =>
        {
            Show(environment, result, new TwinsLab(environment).Describe());
            return Task.FromResult(ExitCode.Done);
        });

    private static Command CreateDown(CliEnvironment environment) =>
        new Command("down", "End the lab and remove all that it made").HandleOnLinux(environment, async (_, _) =>
        {
            bool was = await new TwinsLab(environment).DownAsync();
            await environment.Out.WriteLineAsync(was ? "The lab is down." : "No lab was up.");
            return ExitCode.Done;
        });

    private static void Show(CliEnvironment environment, ParseResult result, LabDocument lab)
    {
        if (result.WantsJson())
        {
            environment.Out.WriteJson(lab, JsonDocuments.Readable.LabDocument);
            return;
        }
        if (lab.Machines.Count == 0)
        {
            environment.Out.WriteLine("No lab is up. Make one: twins lab up");
            return;
        }
        Table table = new Table().Border(TableBorder.Simple).AddColumns("machine", "role", "addresses", "pid 1", "state");
        foreach (LabMachineDocument machine in lab.Machines)
        {
            table.AddRow(machine.Name, machine.Role, string.Join(", ", machine.Addresses),
                machine.InitPid == 0 ? "" : $"{machine.InitPid}", machine.State);
        }
        environment.OutConsole().Write(table);
        if (!lab.Up)
            environment.Out.WriteLine("Not complete: remove it with twins lab down");
    }

    private static Option<string> Names(string name, string names, string description) => new(name)
    {
        HelpName = "NAME,NAME...",
        DefaultValueFactory = _ => names,
        Description = description,
    };

    private static string[] Split(string names) =>
        names.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
