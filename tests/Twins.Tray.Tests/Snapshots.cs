using Twins.Protocol;
using Twins.Tray.Node;

namespace Twins.Tray.Tests;

/// <summary>Nodes as <c>twinsd</c> would describe them.</summary>
internal static class Snapshots
{
    public static ProcessInfo Process(string name, string node = "home", string state = "running", ulong epoch = 1, uint connections = 4, string note = "") => new()
    {
        ProcessId = $"p-{name}", Name = name, Node = node, Home = "home", State = state, Epoch = epoch, Connections = connections, Note = note,
    };

    public static NodeView View(params ProcessInfo[] processes) => NodeView.Of(new Snapshot
    {
        Node = "home",
        Nodes = { new NodeInfo { Name = "home", Self = true, Reachable = true }, new NodeInfo { Name = "host1", Reachable = true } },
        Processes = { processes },
    });

    public static NodeView With(this NodeView view, params MigrationStanding[] migrations)
    {
        var snapshot = view.Snapshot!.Clone();
        snapshot.Migrations.Add(migrations);
        return NodeView.Of(snapshot);
    }

    public static MigrationStanding Migration(string name, string phase, long started = 1) => new()
    {
        ProcessId = $"p-{name}", Name = name, From = "home", To = "host1", StartedUnixMilliseconds = started, Phase = phase,
    };

    public static MigrationStanding Done(string name, ulong epoch, long started = 1)
    {
        var standing = Migration(name, "", started);
        standing.Result = new MigrationResult { Name = name, From = "home", To = "host1", Epoch = epoch, Connections = 4, FrozenMilliseconds = 43.4 };
        return standing;
    }

    public static MigrationStanding Failed(string name, bool rolledBack, bool inDoubt = false)
    {
        var standing = Migration(name, "");
        standing.Failure = new MigrationFailure { Phase = "restore", Code = "pid-taken", Message = "PID 7 is taken.", RolledBack = rolledBack, InDoubt = inDoubt };
        return standing;
    }
}
