using System.Diagnostics.Metrics;
using Grpc.Core;
using Twins.Admin.Node;
using Twins.Protocol;

namespace Twins.Admin.Metrics;

/// <summary>
/// What <c>/metrics</c> has, as <c>twinsd</c> said it last: numbers and the names of nodes and processes; no addresses, no paths.
/// </summary>
internal sealed class NodeMeter : IDisposable
{
    /// <summary>Of the meter.</summary>
    public const string Name = "Twins";

    private readonly Meter _meter = new(Name);
    private readonly TwinsdConnection _twinsd;
    private volatile MetricsReply? _now;

    public NodeMeter(TwinsdConnection twinsd)
    {
        _twinsd = twinsd;
        _meter.CreateObservableGauge("twins.up", () => _now is null ? 0 : 1, description: "1: twinsd answers");
        _meter.CreateObservableGauge("twins.info", () => Whole(_ => 1, m => [new("node", m.Node), new("version", m.Version)]), description: "Name and version of the node");
        _meter.CreateObservableGauge("twins.page.sessions", () => Whole(m => m.Sessions), description: "Logins to the admin page");
        Nodes("twins.node.reachable", n => n.Reachable ? 1 : 0, null, "1: the node answers");
        Nodes("twins.node.round.trip", n => n.RoundTripSeconds, "s", "How long the node took to describe itself");
        Processes("twins.process.connections", p => p.Connections, "Connections of a mobile process");
        Processes("twins.process.listeners", p => p.Listeners, "Listening endpoints of a mobile process");
        Processes("twins.process.epoch", p => p.Epoch, "Grows with each move");
        _meter.CreateObservableGauge("twins.process.state", () => Each(m => m.Processes, _ => 1, p => [.. Tags(p), new("state", p.State)]), description: "The state that a mobile process is in");
        Processes("twins.held.packets", p => p.HeldPackets, "Packets held now");
        Processes("twins.held.bytes", p => p.HeldBytes, "Bytes held now");
        _meter.CreateObservableCounter("twins.redirected.packets", () => Each(m => m.Processes, p => p.RedirectedPackets, Tags), description: "Packets redirected");
        _meter.CreateObservableCounter("twins.redirected.bytes", () => Each(m => m.Processes, p => p.RedirectedBytes, Tags), description: "Bytes redirected");
        _meter.CreateObservableCounter(
            "twins.dropped.packets",
            () => Each(m => m.Processes.SelectMany(p => p.Drops.Select(d => (Process: p, Drop: d))), d => d.Drop.Value, d => [.. Tags(d.Process), new("reason", d.Drop.Key)]),
            description: "Packets dropped by a twin, by reason");
        _meter.CreateObservableCounter("twins.silenced.packets", () => Whole(m => m.NodeDrops.Values.Aggregate(0UL, (sum, packets) => sum + packets)), description: "Packets of frozen originals that the kernel's rules dropped");
        _meter.CreateObservableCounter("twins.migrations", () => Each(m => m.Migrations, o => o.Value, o => [new("outcome", o.Key)]), description: "Migrations away from this node, since twinsd started");
        _meter.CreateObservableCounter("twins.migration.frozen", () => Whole(m => m.FrozenSeconds), "s", "How long processes were frozen, together");
        _meter.CreateObservableCounter("twins.migration.held", () => Whole(m => m.HeldSeconds), "s", "How long packets were held, together");
        _meter.CreateObservableGauge("twins.migration.last.frozen", () => Whole(m => m.LastFrozenSeconds), "s", "How long the last process that left was frozen");
    }

    /// <summary>Asks.</summary>
    public async Task RefreshAsync(CancellationToken cancellation)
    {
        try
        {
            _now = await _twinsd.Page().ReadMetricsAsync(new ReadMetricsRequest(), deadline: DateTime.UtcNow + TwinsdConnection.CallTime, cancellationToken: cancellation);
        }
        catch (RpcException)
        {
            _now = null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private void Nodes(string name, Func<NodeMetrics, double> value, string? unit, string description) =>
        _meter.CreateObservableGauge(name, () => Each(m => m.Nodes, value, n => [new("name", n.Name)]), unit, description);

    private void Processes(string name, Func<ProcessMetrics, double> value, string description) =>
        _meter.CreateObservableGauge(name, () => Each(m => m.Processes, value, Tags), description: description);

    private static KeyValuePair<string, object?>[] Tags(ProcessMetrics process) =>
        [new("process", process.Name), new("runs_on", process.Node), new("home", process.Home)];

    private List<Measurement<double>> Whole(Func<MetricsReply, double> value, Func<MetricsReply, KeyValuePair<string, object?>[]>? tags = null) =>
        Each(m => [m], value, tags ?? (_ => []));

    private List<Measurement<double>> Each<T>(Func<MetricsReply, IEnumerable<T>> rows, Func<T, double> value, Func<T, KeyValuePair<string, object?>[]> tags) =>
        _now is { } now ? [.. rows(now).Select(row => new Measurement<double>(value(row), tags(row)))] : [];
}
