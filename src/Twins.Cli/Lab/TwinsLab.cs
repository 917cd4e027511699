using System.Text.RegularExpressions;
using Twins.Cli.Native;
using Twins.Cli.Output;
using Twins.Cli.Processes;

namespace Twins.Cli.Lab;

/// <summary>Machines on this machine, to try Twins on: each has its own network, processes, mounts
/// and host name; all share one layer-2 network.</summary>
internal sealed partial class TwinsLab(CliEnvironment environment)
{
    private readonly LabFiles _files = new(environment.LabDirectory);

    /// <summary>The last part of an address must fit.</summary>
    private const int MaximumMachines = 200;

    /// <summary>The lab as it is; null if none is up, or it isn't complete.</summary>
    public LabPlan? Current => _files.ReadPlan() is { Complete: true } plan &&
        plan.Machines.All(machine => _files.InitOf(machine.Name) is not null) ? plan : null;

    /// <summary>The names, checked, as machines in the order of their addresses.</summary>
    public static IReadOnlyList<LabMachine> Plan(IReadOnlyList<string> outsiders, IReadOnlyList<string> nodes)
    {
        string[] names = [.. outsiders, .. nodes];
        string? bad = names.FirstOrDefault(name => !MachineName().IsMatch(name) || name == "localhost");
        if (bad is not null)
            throw new CliException(ExitCode.Usage, "invalid-name", $"'{bad}' is no host name (letters, digits and '-', at most 63)");
        string? twice = names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1)?.Key;
        if (twice is not null)
            throw new CliException(ExitCode.Usage, "name-twice", $"two machines are called '{twice}'");
        if (nodes.Count == 0 || names.Length > MaximumMachines)
            throw new CliException(ExitCode.Usage, "invalid-count", $"a lab has at least one node and at most {MaximumMachines} machines");
        return [.. names.Select((name, index) => new LabMachine(name, index + 1, index >= outsiders.Count))];
    }

    /// <summary>Makes the lab. If that fails or is cancelled, nothing of it stays.</summary>
    /// <returns>False if it was up already.</returns>
    public async Task<bool> UpAsync(IReadOnlyList<LabMachine> machines, bool daemons, CancellationToken cancellation)
    {
        RequireRoot();
        LabTools.Check();
        LibC.KeepDescriptorsPrivate();
        using FileStream only = Lock();
        if (Current is { } current)
        {
            return current.Machines.SequenceEqual(machines) && current.Daemons == daemons ? false
                : throw new CliException(ExitCode.Failed, "lab-is-up",
                    $"another lab is up ({string.Join(", ", current.Machines.Select(machine => machine.Name))}); end it first: twins lab down");
        }
        await LabRemover.RemoveAsync(_files);
        Directory.CreateDirectory(_files.Directory);
        try
        {
            LabPlan plan = await new LabBuilder(_files, environment.Installation).BuildAsync(machines, daemons, cancellation);
            if (daemons)
                await new LabCluster(_files, environment).StartAsync([.. machines.Where(machine => machine.IsNode)], cancellation);
            _files.WritePlan(plan with { Complete = true });
            return true;
        }
        catch
        {
            await LabRemover.RemoveAsync(_files);
            throw;
        }
    }

    /// <summary>Ends the lab.</summary>
    /// <returns>False if none was up.</returns>
    public async Task<bool> DownAsync()
    {
        RequireRoot();
        using FileStream only = Lock();
        return await LabRemover.RemoveAsync(_files);
    }

    /// <summary>PID 1 of a machine, as this machine numbers it.</summary>
    /// <exception cref="CliException">No lab, or no such machine.</exception>
    public ProcessIdentity InitOf(string machine)
    {
        LabPlan plan = _files.ReadPlan() ??
            throw new CliException(ExitCode.Failed, "lab-is-down", "no lab is up; make one: twins lab up");
        if (plan.Machines.All(known => known.Name != machine))
        {
            throw new CliException(ExitCode.NotFound, "not-found",
                $"the lab has no machine '{machine}', only {string.Join(", ", plan.Machines.Select(known => known.Name))}");
        }
        return _files.InitOf(machine) ?? throw new CliException(ExitCode.Failed, "machine-is-down",
            $"lab machine {machine} isn't running; make the lab anew: twins lab down, twins lab up");
    }

    /// <summary>What is up, for people and scripts.</summary>
    public LabDocument Describe()
    {
        LabPlan? plan = _files.ReadPlan();
        LabMachineDocument[] machines = [.. plan?.Machines.Select(machine =>
        {
            ProcessIdentity? init = _files.InitOf(machine.Name);
            return new LabMachineDocument(machine.Name, machine.Role, [machine.IPv4, machine.IPv6],
                init?.Pid ?? 0, init is null ? "down" : "running");
        }) ?? []];
        return new LabDocument(plan is { Complete: true } && machines.All(machine => machine.InitPid != 0), machines);
    }

    public static void RequireRoot()
    {
        if (LibC.EffectiveUser() != 0)
            throw new CliException(ExitCode.NotPermitted, "permission-denied", "the lab needs root: it makes namespaces and network devices");
    }

    private FileStream Lock()
    {
        // Beside the directory, which comes and goes.
        string path = _files.Directory + ".lock";
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException failure)
        {
            throw new CliException(ExitCode.Failed, "lab-is-busy", "another `twins lab` command is at work", failure);
        }
    }

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9-]{0,62}$")]
    private static partial Regex MachineName();
}
