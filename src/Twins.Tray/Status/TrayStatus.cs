using Twins.Tray.Node;

namespace Twins.Tray.Status;

/// <summary>The icon and its words.</summary>
/// <param name="State">Which icon.</param>
/// <param name="Summary">One line.</param>
/// <param name="Tooltip">The summary, and what isn't as it should be; at most 127 characters, as the system takes them.</param>
internal sealed record TrayStatus(TrayState State, string Summary, string Tooltip)
{
    /// <summary>Characters of a tooltip: szTip of NOTIFYICONDATAW, without its end.</summary>
    public const int LongestTooltip = 127;

    public static TrayStatus Of(NodeView view)
    {
        if (view.Snapshot is not { } snapshot)
        {
            return view.Link == NodeLink.Refused
                ? Make(TrayState.Trouble, "Twins: no access to twinsd", [view.Detail])
                : Make(TrayState.Down, "Twins: twinsd doesn't answer", []);
        }

        var count = view.Processes.Count;
        var summary = $"Twins on {snapshot.Node}: {(count == 0 ? "no mobile processes" : count == 1 ? "1 mobile process" : $"{count} mobile processes")}";
        var troubles = Troubles(view).ToList();
        var moving = view.Processes.Where(p => p.State is "migrating" or "held").Select(p => p.Name)
            .Union(snapshot.Migrations.Where(m => m.Phase.Length > 0).Select(m => m.Name)).Order(StringComparer.Ordinal).ToList();
        var lines = troubles.Concat(moving.Count > 0 ? [$"moving: {string.Join(", ", moving)}"] : []);
        return Make(troubles.Count > 0 ? TrayState.Trouble : moving.Count > 0 ? TrayState.Migrating : TrayState.Running, summary, lines);
    }

    private static IEnumerable<string> Troubles(NodeView view)
    {
        var doubtful = view.Processes.Where(p => p.State == "in-doubt").Select(p => p.Name).ToList();
        if (doubtful.Count > 0)
            yield return $"in doubt: {string.Join(", ", doubtful)}";
        var lost = view.Snapshot!.Nodes.Where(n => !n.Self && !n.Reachable).Select(n => n.Name).Order(StringComparer.Ordinal).ToList();
        if (lost.Count > 0)
            yield return $"not reached: {string.Join(", ", lost)}";
        if (view.IsPaused)
            yield return "redirecting is paused";
    }

    private static TrayStatus Make(TrayState state, string summary, IEnumerable<string> lines) =>
        new(state, summary, Cut(string.Join('\n', [summary, .. lines]), LongestTooltip));

    /// <summary>Shortens a text that the system has no more room for.</summary>
    public static string Cut(string text, int most) => text.Length <= most ? text : string.Concat(text.AsSpan(0, most - 3).TrimEnd(), "...");
}
