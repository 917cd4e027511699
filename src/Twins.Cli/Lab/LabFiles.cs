using System.Text.Json;
using Twins.Cli.Processes;

namespace Twins.Cli.Lab;

/// <summary>The lab's directory: the plan, who was started, names and logs.</summary>
internal sealed class LabFiles(string directory)
{
    /// <summary>Name of the holder of the network between the machines; no machine can be called so.</summary>
    public const string Switch = ".switch";

    public string Directory { get; } = directory;

    public string Plan => Path.Combine(Directory, "state.json");

    public string Hosts => Path.Combine(Directory, "hosts");

    /// <summary>Log of a machine's <c>twinsd</c>.</summary>
    public string Log(string machine) => Path.Combine(Directory, machine + ".log");

    /// <summary>Who holds a machine's namespaces: the /proc/PID/stat that it wrote itself when it started.</summary>
    public string Holder(string machine) => Path.Combine(Directory, machine + ".stat");

    public LabPlan? ReadPlan()
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(Plan), LabJson.Default.LabPlan);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException failure)
        {
            throw new CliException(ExitCode.Failed, "lab-state-damaged",
                $"{Plan} can't be read ({failure.Message}); `twins lab down` removes what it can find", failure);
        }
    }

    public void WritePlan(LabPlan plan)
    {
        string aside = Plan + ".new";
        File.WriteAllText(aside, JsonSerializer.Serialize(plan, LabJson.Default.LabPlan));
        File.Move(aside, Plan, overwrite: true);
    }

    /// <summary>The process that holds a machine's namespaces; null if none was started or it is gone.</summary>
    public ProcessIdentity? HolderOf(string machine)
    {
        try
        {
            return ProcessIdentity.Parse(File.ReadAllText(Holder(machine))) is { IsAlive: true } holder ? holder : null;
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>PID 1 of a machine, as this machine numbers it; null if it doesn't run.</summary>
    public ProcessIdentity? InitOf(string machine) =>
        HolderOf(machine)?.FirstChild() is { IsAlive: true } init ? init : null;

    /// <summary>All processes that hold something of the lab.</summary>
    public IReadOnlyList<ProcessIdentity> Holders() =>
        !System.IO.Directory.Exists(Directory) ? []
        : [.. System.IO.Directory.EnumerateFiles(Directory, "*.stat", new EnumerationOptions { AttributesToSkip = 0 })
            .Select(file => ProcessIdentity.Parse(File.ReadAllText(file)))
            .Where(holder => holder is { IsAlive: true }).Select(holder => holder!.Value)];
}
