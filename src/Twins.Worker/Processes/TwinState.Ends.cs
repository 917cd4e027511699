using Twins.Packets;
using Twins.Protocol;
using Twins.Redirection;

namespace Twins.Worker;

/// <content>What time brings: connections that have come to their end, questions that nobody answered; and what it reports unasked.</content>
internal sealed partial class TwinState
{
    /// <summary>What a new twinsd has to know: flows that are waited for and flows that have closed.</summary>
    public void ReportAgain(Action<TwinEvent> newcomer)
    {
        foreach (var process in _processes.Values)
        {
            foreach (var (connection, pending) in process.Pending)
                Report(process, connection, pending, newcomer);
            ReportClosed(process, process.Closed.Keys, newcomer);
        }
    }

    /// <summary>Once in a while: connections that have come to their end, questions that nobody answered.</summary>
    public void Tick(long nowMilliseconds)
    {
        _released.RemoveAll(released => nowMilliseconds > released.Until);
        foreach (var process in _processes.Values)
        {
            process.Placeholders.TryAgain(nowMilliseconds);
            foreach (var late in process.Pending.Where(pending => nowMilliseconds - pending.Value.AskedAtMilliseconds > PendingMilliseconds).Select(pending => pending.Key).ToArray())
                Refuse(process, late);
            foreach (var old in process.Closed.Where(closed => nowMilliseconds - closed.Value > ClosedMemoryMilliseconds).Select(closed => closed.Key).ToArray())
                process.Closed.Remove(old);
            RemoveClosed(process, nowMilliseconds);
        }
    }

    private void RemoveClosed(MobileProcess process, long now)
    {
        var lingerMilliseconds = (long)options.Linger.TotalMilliseconds;
        List<RedirectedFlow>? closed = null;
        foreach (var (connection, lifetime) in process.Lifetimes)
        {
            if (lifetime.IsOver(now, lingerMilliseconds) && process.Flows.TryGetValue(connection, out var flow))
                (closed ??= []).Add(flow);
        }

        if (closed is not null)
            RemoveClosed(process, closed, now);
    }

    /// <summary>A lingering connection's ports are used anew: the old flow ends at once.</summary>
    public void EndLingering(int slot, in FiveTuple tuple)
    {
        if (_slots.TryGetValue(slot, out var process) && process.Flows.TryGetValue(ConnectionKey.OfInbound(tuple), out var flow))
            RemoveClosed(process, [flow], Environment.TickCount64);
    }

    private void RemoveClosed(MobileProcess process, List<RedirectedFlow> closed, long now)
    {
        var builder = Table.ToBuilder();
        var routes = new FlowRoutes(process, builder, Table);
        foreach (var flow in closed)
        {
            routes.Remove(flow);
            if (process.Closed.Count < MaximumClosedMemory)
                process.Closed[flow] = now;
        }

        Table = builder.Build();
        ReportClosed(process, closed, report);
    }

    private static void ReportClosed(MobileProcess process, IReadOnlyCollection<RedirectedFlow> flows, Action<TwinEvent> listener)
    {
        // In pieces, so that no message comes near the limit.
        foreach (var piece in flows.Chunk(10_000))
        {
            var closed = new FlowsClosed();
            closed.Flows.AddRange(piece.Select(flow => Wire.FromFlow(flow)));
            listener(new TwinEvent { ProcessId = process.Id, Epoch = process.Epoch, FlowsClosed = closed });
        }
    }

    private static void Report(MobileProcess process, in ConnectionKey connection, PendingFlow pending, Action<TwinEvent> listener) => listener(new TwinEvent
    {
        ProcessId = process.Id,
        Epoch = process.Epoch,
        FlowRequested = new FlowRequested { Connection = Wire.FromConnection(connection), Origin = pending.Origin },
    });
}
