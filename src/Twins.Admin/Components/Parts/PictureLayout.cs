using System.Globalization;
using Twins.Admin.Node;
using Twins.Protocol;

namespace Twins.Admin.Components.Parts;

/// <summary>Where in the picture everything is, from one snapshot. What there is no room for is counted.</summary>
internal sealed class PictureLayout
{
    public const int Width = 960;
    public const int NodeWidth = 210;
    public const int PeerWidth = 150;
    public const int ProcessWidth = 190;

    private const int NodesPerRow = 4;
    private const int MostPeers = 6;
    private const int MostProcesses = 6;
    private const int Top = 150;
    private const int RowGap = 90;

    private readonly List<PictureNode> _nodes = [];
    private readonly List<PicturePeer> _peers = [];
    private readonly List<PictureProcess> _processes = [];
    private readonly List<PicturePath> _paths = [];

    public PictureLayout(Snapshot now, Func<string, RateSeries> seriesOf)
    {
        PlaceNodes(now);
        PlacePeers(now);
        foreach (var process in now.Processes)
            Connect(process, seriesOf(process.ProcessId).Last);
        Words = string.Join(" ", now.Processes.Select(p => $"{p.Name} runs on {p.Node}, its home is {p.Home}, {p.Connections} connections, path {p.Path}.")
            .Concat(now.Elsewhere.Select(p => $"{p.Name} runs on {p.Node}.")).Concat(now.Nodes.Where(n => !n.Reachable && !n.Self).Select(n => $"Node {n.Name} doesn't answer.")));
    }

    public int Height { get; private set; }

    public string Words { get; }

    public IReadOnlyList<PictureNode> Nodes => _nodes;

    public IReadOnlyList<PicturePeer> Peers => _peers;

    public IReadOnlyList<PictureProcess> Processes => _processes;

    public IReadOnlyList<PicturePath> Paths => _paths;

    private void PlaceNodes(Snapshot now)
    {
        var y = Top;
        foreach (var row in now.Nodes.Chunk(NodesPerRow))
        {
            var gap = (Width - row.Length * NodeWidth) / (row.Length + 1);
            var most = 0;
            for (var column = 0; column < row.Length; column++)
            {
                var node = row[column];
                var there = now.Processes.Where(p => p.Node == node.Name).Select(p => (p.ProcessId, p.Name, p.State, p.Home))
                    .Concat(now.Elsewhere.Where(p => p.Node == node.Name).Select(p => (p.ProcessId, p.Name, p.State, p.Home))).ToList();
                var x = gap + column * (NodeWidth + gap);
                var shown = Math.Min(there.Count, MostProcesses);
                for (var index = 0; index < shown; index++)
                {
                    var (id, name, state, home) = there[index];
                    var label = index == MostProcesses - 1 && there.Count > MostProcesses ? $"and {there.Count - index} more" : Cut(home == node.Name ? name : $"{name} (of {home})", 27);
                    _processes.Add(new PictureProcess(id, name, label, state, home != node.Name, x + 10, y + 46 + index * 30));
                }

                _nodes.Add(new PictureNode(node, x, y, 54 + Math.Max(1, shown) * 30));
                most = Math.Max(most, 54 + Math.Max(1, shown) * 30);
            }

            y += most + RowGap;
        }

        Height = y - RowGap + 20;
    }

    private void PlacePeers(Snapshot now)
    {
        var addresses = now.Processes.SelectMany(p => p.Endpoints).Where(e => e.Remote.Length > 0).Select(e => AddressOf(e.Remote)).Distinct().Order(StringComparer.Ordinal).ToList();
        var names = addresses.Take(addresses.Count > MostPeers ? MostPeers - 1 : MostPeers).ToList();
        if (addresses.Count > names.Count)
            names.Add($"{addresses.Count - names.Count} more peers");
        var gap = names.Count == 0 ? 0 : (Width - names.Count * PeerWidth) / (names.Count + 1);
        for (var index = 0; index < names.Count; index++)
            _peers.Add(new PicturePeer(names[index], gap + index * (PeerWidth + gap)));
    }

    // From each peer to home; from there on to where it runs, if that is elsewhere.
    private void Connect(ProcessInfo process, RatePoint rate)
    {
        if (_nodes.Find(n => n.Info.Name == process.Home) is not { } home)
            return;
        var connections = process.Endpoints.Where(e => e.Remote.Length > 0).GroupBy(e => AddressOf(e.Remote));
        foreach (var group in connections)
        {
            var peer = _peers.Find(p => p.Name == group.Key) ?? _peers[^1];
            var (x1, x2, y2) = (peer.X + PeerWidth / 2, home.X + NodeWidth / 2, home.Y);
            var count = group.Count();
            AddPath(FormattableString.Invariant($"M{x1},40 C{x1},{(40 + y2) / 2} {x2},{(40 + y2) / 2} {x2},{y2}"), (x1 + x2) / 2, (40 + y2) / 2 + 4, $"{process.Name}: {count}{(process.Connections + process.Listeners > (uint)process.Endpoints.Count ? " or more" : "")} {(count == 1 ? "connection" : "connections")}", isMoved: false);
        }

        if (process.Node == process.Home || _nodes.Find(n => n.Info.Name == process.Node) is not { } host)
            return;
        var right = host.X > home.X;
        var (from, to) = (home.X + (right ? NodeWidth : 0), host.X + (right ? 0 : NodeWidth));
        var (fromY, toY) = (home.Y + 18, host.Y + 18);
        // A bow above what may stand between.
        var bow = Math.Min(fromY, toY) - 34;
        AddPath(
            FormattableString.Invariant($"M{from},{fromY} C{(right ? from + 30 : from - 30)},{bow} {(right ? to - 30 : to + 30)},{bow} {to},{toY}"),
            (from + to) / 2, bow + 6, $"{process.Name}: {process.Path}, {Wording.Rate(rate.BytesPerSecond)}", isMoved: true);
    }

    // Labels of paths that meet are put below each other.
    private void AddPath(string curve, int x, int y, string label, bool isMoved)
    {
        while (_paths.Exists(p => Math.Abs(p.LabelX - x) < 70 && Math.Abs(p.LabelY - y) < 13))
            y += 13;
        _paths.Add(new PicturePath(curve, x, y, label, isMoved));
    }

    private static string AddressOf(string endpoint) => endpoint[..endpoint.LastIndexOf(':')];

    private static string Cut(string text, int most) => text.Length <= most ? text : string.Concat(text.AsSpan(0, most - 1), "…");
}

/// <summary>A node's box.</summary>
internal sealed record PictureNode(NodeInfo Info, int X, int Y, int Height);

/// <summary>A peer, or those that there is no room for.</summary>
internal sealed record PicturePeer(string Name, int X);

/// <summary>A process where it runs.</summary>
internal sealed record PictureProcess(string Id, string Name, string Label, string State, bool IsGuest, int X, int Y);

/// <summary>An arrow; moved: between home and host.</summary>
internal sealed record PicturePath(string Curve, int LabelX, int LabelY, string Label, bool IsMoved);
