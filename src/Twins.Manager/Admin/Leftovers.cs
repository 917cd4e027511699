using System.Globalization;
using Twins.Diversion.Linux;
using Twins.Manager.Cabins;
using Twins.Manager.Checkpoint;
using Twins.Manager.Home;
using Twins.Manager.Host;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Manager.Rules;
using Twins.Manager.Settings;

namespace Twins.Manager.Admin;

/// <summary>
/// What lies on this node and belongs to nothing: after crashes, failed removals, or another hand. Everything that a
/// process, a migration or a twin of the pool needs is left out, so it may be removed at any time.
/// </summary>
internal sealed class Leftovers(TwinsdOptions options, TwinPaths paths, TwinPool pool, DiversionRules rules, HomeRole home, HostRole host)
{
    private const int SigKill = 9;

    // One that is being made or removed just now isn't left behind.
    private static readonly TimeSpan OldEnough = TimeSpan.FromSeconds(1);

    /// <summary>All of it, as it is now.</summary>
    public IReadOnlyList<Leftover> Find() => OperatingSystem.IsWindows()
        ? [.. Rules(), .. Images()]
        : [.. Cabins(), .. Rules(), .. Images(), .. Probes(), .. Twins(), .. Checkpointers()];

    private IEnumerable<Leftover> Cabins()
    {
        var used = host.Processes.Select(p => p.Place.NamespacePath).ToHashSet();
        foreach (var cabin in Cabin.List(options.CabinDirectory).Where(c => !used.Contains(c.NamespacePath) && IsOld(c.NamespacePath)))
            yield return new Leftover($"cabin {cabin.Id}", cabin.Remove);
        if (!Directory.Exists(options.CabinDirectory))
            yield break;
        foreach (var file in Directory.EnumerateFiles(options.CabinDirectory).Where(f => !NetworkNamespace.IsMounted(f) && IsOld(f)))
            yield return new Leftover($"file {file} of a cabin that is gone", () => File.Delete(file));
    }

    private IEnumerable<Leftover> Rules()
    {
        var unknown = rules.CountUnknown(home.Processes, host.Legs, host.GuestEnds);
        if (unknown > 0)
            yield return new Leftover($"{unknown} packet rules", () => rules.RemoveUnknown(home.Processes, host.Legs, host.GuestEnds));
    }

    private IEnumerable<Leftover> Images() => Entries(options.ImagePath)
        .Where(path => !paths.IsInUse(path))
        .Select(path => new Leftover($"process images {path}", () => Delete(path)));

    private IEnumerable<Leftover> Probes() => CriuProbe.FindFolders(options.RunDirectory)
        .Where(path => !CriuProbe.IsOurs(path) && IsOld(path))
        .Order(StringComparer.Ordinal)
        .Select(path => new Leftover($"trial of CRIU {path}", () => CriuProbe.Remove(path)));

    private IEnumerable<Leftover> Twins()
    {
        var ours = pool.Twins.Select(t => t.ControlPath).ToHashSet();
        var running = UnixTwinWorkers.FindRunning(options.TwinSocketDirectory);
        foreach (var path in running.Where(path => !ours.Contains(path)))
        {
            yield return new Leftover($"twin at {path}", () =>
            {
                UnixTwinWorkers.EndRunning(path);
                File.Delete(path);
            });
        }

        foreach (var path in Entries(options.TwinSocketDirectory).Where(path => !ours.Contains(path) && !running.Contains(path)))
            yield return new Leftover($"file {path} of a twin that is gone", () => Delete(path));
    }

    private static IEnumerable<Leftover> Checkpointers()
    {
        foreach (var pid in CriuOrphans.Find())
        {
            yield return new Leftover(string.Create(CultureInfo.InvariantCulture, $"CRIU, PID {pid}"), () =>
            {
                using var worker = ProcessHandle.TryOpen(pid);
                worker?.Signal(SigKill);
            });
        }
    }

    private static List<string> Entries(string directory) => !Directory.Exists(directory)
        ? []
        : [.. Directory.EnumerateFileSystemEntries(directory).Where(IsOld).Order(StringComparer.Ordinal)];

    private static bool IsOld(string path) => DateTime.UtcNow - File.GetLastWriteTimeUtc(path) > OldEnough;

    private static void Delete(string path)
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        else
            File.Delete(path);
    }
}
