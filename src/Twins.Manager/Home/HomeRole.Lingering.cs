using Twins.Manager.Pool;
using Twins.Protocol;

namespace Twins.Manager.Home;

/// <content>
/// Connections that a process closed before it left: they have no socket that could move, and the stack that has them brings
/// them to their end. If that is home's own it gets their packets; if it is a former host's, they go on there as flows of a
/// process ID of their own.
/// </content>
internal sealed partial class HomeRole
{
    // Linux gives up an orphaned socket sooner (tcp_fin_timeout, tcp_orphan_retries).
    private static readonly TimeSpan LongestLinger = TimeSpan.FromMinutes(2);

    /// <summary>What the process had and has no more.</summary>
    private static List<Connection> Closed(HomeProcess process, IEnumerable<Connection> now) =>
        [.. (process.Host is null ? process.Connections : process.Flows.Keys.AsEnumerable()).Except(now)];

    /// <summary>Lets closed connections end where they are. The twin must have been told of the others before.</summary>
    private async Task LeaveBehindAsync(HomeProcess process, List<Connection> closed)
    {
        if (process.Host is null)
        {
            process.Connections.ExceptWith(closed);
            process.Lingering.UnionWith(closed);
            if (process.Lingering.Count > 0)
                _ = Task.Run(() => EndLingeringAsync(process, [.. process.Lingering]), CancellationToken.None);
            _rules.Remove(closed, [], []);
            return;
        }

        if (closed.Count == 0)
            return;
        var left = _processes.GetOrAdd($"{process.ProcessId}~{process.Epoch}", id =>
        {
            TwinPool.Share(process.Twin, id);
            var made = new HomeProcess(id, process.Twin) { Epoch = process.Epoch, Host = process.Host, HostAddress = process.HostAddress, HasLeft = true };
            _ = Task.Run(() => EndLeftBehindAsync(made, LongestLinger), CancellationToken.None);
            return made;
        });
        var command = left.Command();
        command.Linger = new Linger { Flows = { closed.Select(c => process.Flows[c]) } };
        foreach (var taken in (await left.Twin.SendAsync(command)).Connections)
        {
            process.Connections.Remove(taken);
            process.Flows.Remove(taken, out var flow);
            left.Connections.Add(taken);
            left.Flows[taken] = flow!;
            left.HostLegs.Add(flow!.HostLeg);
        }

        if (left.Flows.Count == 0)
            await RemoveLeftBehindAsync(left);
    }

    /// <summary>Flows that came to nothing (a first segment that was never answered) may be asked for again.</summary>
    private void ForgetUnopened(HomeProcess process, IEnumerable<Flow> flows)
    {
        var gone = process.Connections.Except(flows.Select(f => f.Connection))
            .Where(c => process.Listeners.Any(l => l.Transport == c.Transport && l.Local.Equals(c.Local)))
            .ToList();
        process.Connections.ExceptWith(gone);
        _rules.Remove(gone, [], []);
    }

    private IEnumerable<Endpoint> LegsOfOthers(HomeProcess process) =>
        _processes.Values.Where(other => other != process).SelectMany(other => other.HostLegs.Concat(other.NextHostLegs));

    /// <summary>The exception ends when the local stack has given up on them at the latest: their ports may be used again.</summary>
    private async Task EndLingeringAsync(HomeProcess process, List<Connection> connections)
    {
        await Task.Delay(LongestLinger);
        await process.Gate.WaitAsync();
        try
        {
            _rules.Remove([], [], connections);
            process.Lingering.ExceptWith(connections);
        }
        finally
        {
            process.Gate.Release();
        }
    }

    private async Task EndLeftBehindAsync(HomeProcess left, TimeSpan after)
    {
        await Task.Delay(after);
        await left.Gate.WaitAsync();
        try
        {
            await RemoveLeftBehindAsync(left);
        }
        finally
        {
            left.Gate.Release();
        }
    }

    private async Task RemoveLeftBehindAsync(HomeProcess left)
    {
        if (!_processes.ContainsKey(left.ProcessId))
            return;
        RemoveRules(left);
        try
        {
            await RemoveAsync(left, CancellationToken.None);
        }
        catch (TwinException e)
        {
            // One that is gone has forgotten already.
            LogNotTold(left.ProcessId, e.Message);
        }
        finally
        {
            _processes.TryRemove(left.ProcessId, out _);
            TwinPool.Return(left.Twin, left.ProcessId);
        }
    }
}
