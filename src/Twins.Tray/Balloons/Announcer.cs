using System.Globalization;
using Twins.Protocol;
using Twins.Tray.Node;

namespace Twins.Tray.Balloons;

/// <summary>
/// Which moves to tell of: each that has finished or failed, once, by whichever way the node hears of it. What has happened before the
/// first view isn't told; what has happened while <c>twinsd</c> was away is. Not thread safe.
/// </summary>
internal sealed class Announcer
{
    private Dictionary<string, ProcessInfo>? _processes;
    private HashSet<(string Process, long Started)> _ended = [];
    private Dictionary<string, ulong> _told = [];

    /// <summary>What there is to tell since the last view.</summary>
    public IReadOnlyList<Balloon> Hear(NodeView view)
    {
        if (view.Snapshot is not { } snapshot)
            return [];
        var balloons = new List<Balloon>();
        var ended = snapshot.Migrations.Where(m => m.Phase.Length == 0).ToList();
        if (_processes is { } before)
        {
            foreach (var migration in ended.Where(m => !_ended.Contains(Key(m))))
                balloons.AddRange(Tell(migration));
            foreach (var now in snapshot.Processes)
            {
                if (before.TryGetValue(now.ProcessId, out var then))
                    balloons.AddRange(Tell(then, now));
            }
        }

        _processes = snapshot.Processes.ToDictionary(p => p.ProcessId);
        _ended = [.. ended.Select(Key)];
        _told = _told.Where(told => _processes.ContainsKey(told.Key)).ToDictionary();
        return balloons;
    }

    private static (string Process, long Started) Key(MigrationStanding migration) => (migration.ProcessId, migration.StartedUnixMilliseconds);

    private IEnumerable<Balloon> Tell(MigrationStanding migration)
    {
        if (migration.Failure is { } failure)
        {
            var cause = $"{failure.Phase}: {failure.Message}";
            yield return failure.RolledBack ? new Balloon(BalloonKind.Warning, $"{migration.Name} wasn't moved", $"It still runs on {migration.From}, with its connections. {cause}")
                : failure.InDoubt ? new Balloon(BalloonKind.Error, $"{migration.Name} is in doubt", $"Whether it runs on {migration.To} isn't known yet. {cause}")
                : new Balloon(BalloonKind.Error, $"The move of {migration.Name} failed", cause);
        }
        else if (migration.Result is { } result && IsNews(migration.ProcessId, result.Epoch))
        {
            var frozen = result.FrozenMilliseconds.ToString("0", CultureInfo.InvariantCulture);
            yield return new Balloon(BalloonKind.Information, $"{result.Name} runs on {result.To}", $"{Connections(result.Connections)} moved with it; it stood still for {frozen} ms.");
        }
    }

    // Moves that another node carries out, or another migrator, are known by the record.
    private IEnumerable<Balloon> Tell(ProcessInfo then, ProcessInfo now)
    {
        if (now.Epoch > then.Epoch && now.Node != then.Node && now.State == "running")
        {
            if (IsNews(now.ProcessId, now.Epoch))
                yield return new Balloon(BalloonKind.Information, $"{now.Name} runs on {now.Node}", $"It moved there from {then.Node}. {Connections(now.Connections)} {(now.Connections == 1 ? "goes" : "go")} on.");
        }
        else if (then.State == "held" && now.State == "running" && now.Note.Length > 0)
        {
            yield return new Balloon(BalloonKind.Warning, $"{now.Name} wasn't moved", $"It still runs on {now.Node}. {now.Note}");
        }
        else if (now.State == "in-doubt" && then.State != "in-doubt")
        {
            yield return new Balloon(BalloonKind.Error, $"{now.Name} is in doubt", now.Note);
        }
    }

    private bool IsNews(string process, ulong epoch)
    {
        if (_told.GetValueOrDefault(process) >= epoch)
            return false;
        _told[process] = epoch;
        return true;
    }

    private static string Connections(uint count) => count == 1 ? "1 connection" : string.Create(CultureInfo.InvariantCulture, $"{count} connections");
}
