using Twins.Protocol;

namespace Twins.Tray.Node;

/// <summary>What the tray knows of the node at a moment. Not to be changed.</summary>
/// <param name="Link">Whether anything is known.</param>
/// <param name="Detail">If not connected: why, and what to do, in a sentence.</param>
/// <param name="Snapshot">What <c>twinsd</c> told last; null unless connected.</param>
internal sealed record NodeView(NodeLink Link, string Detail, Snapshot? Snapshot)
{
    /// <summary>Before the first answer.</summary>
    public static NodeView Unknown { get; } = new(NodeLink.Down, "twinsd hasn't answered yet.", null);

    /// <summary>The mobile processes that this node has a part in, by name; those that have ended aren't among them.</summary>
    public IReadOnlyList<ProcessInfo> Processes { get; } =
        Snapshot is null ? [] : [.. Snapshot.Processes.Where(p => p.State != "exited").OrderBy(p => p.Name, StringComparer.Ordinal)];

    /// <summary>Whether a person has the node hold what peers send to processes elsewhere.</summary>
    public bool IsPaused => Processes.Any(p => p.PausedUntilUnixMilliseconds > 0);

    /// <summary>Connected.</summary>
    public static NodeView Of(Snapshot snapshot) => new(NodeLink.Connected, "", snapshot);
}
