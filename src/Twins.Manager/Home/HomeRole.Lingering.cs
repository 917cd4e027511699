using Twins.Manager.Nodes;
using Twins.Manager.Pool;
using Twins.Manager.Processes;
using Twins.Manager.Processes.Windows;
using Twins.Manager.Registry;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Home;

/// <content>
/// Connections that a process closed before it left: they have no socket that could move, and the stack that has them brings
/// them to their end. If that is home's own it gets their packets; if it is a former host's, they go on there as flows of a
/// process ID of their own.
/// </content>
internal sealed partial class HomeRole
{
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(2);

    /// <summary>What the process had and has no more.</summary>
    private static List<Connection> Closed(HomeProcess process, IEnumerable<Connection> now) =>
        [.. (process.Host is null ? process.Connections : process.Flows.Keys.AsEnumerable()).Except(now)];

    /// <summary>Lets closed connections end where they are. The twin must have been told of the others before.</summary>
    private async Task LeaveBehindAsync(HomeProcess process, List<Connection> closed)
    {
        if (process.Host is null)
        {
            _store.SaveLingering(process);
            _rules.Remove(closed, [], []);
            return;
        }

        if (closed.Count == 0)
            return;
        var left = _processes.GetOrAdd($"{process.ProcessId}~{process.Epoch}", id =>
        {
            TwinPool.Share(process.Twin, id);
            return new HomeProcess(id, process.Twin)
            {
                Epoch = process.Epoch,
                Host = process.Host,
                HostAddress = process.HostAddress,
                HasLeft = true,
            };
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
        else
            _store.SaveLeft(left);
    }

    /// <summary>After a restart: what home's own stack still brings to its end.</summary>
    private void TakeUpLingering(HomeProcess process)
    {
        foreach (var record in _store.LoadLeft().Where(r => r.Id == process.ProcessId))
        {
            process.Lingering.UnionWith(record.Flows.Select(f => f.Connection.ToConnection()));
            // The ports of some may have been used anew.
            process.Lingering.ExceptWith(process.Connections);
        }
    }

    /// <summary>After a restart, when the processes themselves are there: what they left behind.</summary>
    private async Task RestoreLeftBehindAsync(CancellationToken cancellation)
    {
        foreach (var record in _store.LoadLeft())
        {
            var isLocal = record.Queue == 0;
            if (!isLocal)
                await RestoreLeftBehindAsync(record, cancellation);
            else if (Find(record.Id) is null)
                _store.RemoveLeft(record.Id);
        }
    }

    private async Task RestoreLeftBehindAsync(LeftBehindRecord record, CancellationToken cancellation)
    {
        var twin = await _pool.ReclaimAsync(record.Queue, record.Id, cancellation);
        var left = new HomeProcess(record.Id, twin) { Epoch = record.Epoch, Host = record.OtherNode, HasLeft = true };
        left.HostLegs.UnionWith(record.HostLegs.Select(l => l.ToWire()));
        var process = Find(record.Id[..record.Id.LastIndexOf('~')]);
        foreach (var flow in record.Flows.Select(f => f.ToWire()))
        {
            UsePort(flow);
            left.Connections.Add(flow.Connection);
            left.Flows[flow.Connection] = flow;
            // The table forgets it with the next switch of the path only.
            if (process is not null && process.Flows.TryGetValue(flow.Connection, out var known) && known.Equals(flow))
            {
                process.Flows.Remove(flow.Connection);
                process.Connections.Remove(flow.Connection);
            }
        }

        _processes[left.ProcessId] = left;
        if (!twin.IsAdopted)
            await TellAsync(left);
        _rules.Divert(twin.Queue, left.Connections, [], []);
        _rules.DivertLegSources(twin.Queue, left.HostLegs);
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

    /// <summary>
    /// Ends the exceptions for connections that home's own stack has no more: their ports may be used again. How long it has
    /// them is the kernel's business (tcp(7): tcp_orphan_retries, tcp_fin_timeout).
    /// </summary>
    public async Task EndLingeringAsync()
    {
        foreach (var process in _processes.Values.Where(p => p.Lingering.Count > 0))
        {
            var open = OpenConnections();
            await process.Gate.WaitAsync();
            try
            {
                // What was closed since the kernel was asked was open then.
                var ended = process.Lingering.Except(open).ToList();
                if (ended.Count == 0)
                    continue;
                _rules.Remove([], [], ended);
                process.Lingering.ExceptWith(ended);
                // After it has come home and left again, there is another.
                if (Find(process.ProcessId) == process)
                    _store.SaveLingering(process);
            }
            finally
            {
                process.Gate.Release();
            }
        }
    }

    /// <summary>
    /// Asks former hosts for what was left there. What one says twice that it hasn't is given up: in the moment in which a process
    /// leaves it may say so once. So is what is at one that doesn't answer any more.
    /// </summary>
    public async Task AskFormerHostsAsync(CancellationToken cancellation)
    {
        foreach (var host in _processes.Values.Where(p => p.HasLeft).GroupBy(p => p.Host!))
        {
            var stays = await TryAskAsync(host.Key, cancellation);
            foreach (var left in host)
            {
                var wasMissing = left.IsMissing;
                if (stays is not null)
                    (left.IsMissing, left.AnsweredAt) = (!stays.Contains(left.ProcessId), TimeProvider.System.GetTimestamp());
                if (stays is not null ? wasMissing && left.IsMissing : TimeProvider.System.GetElapsedTime(left.AnsweredAt) > LongestSilence)
                    await EndLeftBehindAsync(left);
            }
        }
    }

    private async Task<IReadOnlyCollection<string>?> TryAskAsync(string host, CancellationToken cancellation)
    {
        try
        {
            return (await _nodes.Get(host).DescribeAsync(cancellation)).Stays;
        }
        catch (NodeException e)
        {
            LogNotAnswered(host, e.Message);
            return null;
        }
    }

    private static HashSet<Connection> OpenConnections() => [.. (OperatingSystem.IsWindows()
            ? WindowsSocketTable.ReadTcp().Select(row => row.Socket)
            : SocketTable.Read(Environment.ProcessId, Packets.IpProtocol.Tcp))
        .Where(row => (TcpState)row.State is not (TcpState.TimeWait or TcpState.Listen))
        .Select(row => new Packets.FiveTuple(Packets.IpProtocol.Tcp, row.Local, row.Remote).ToConnection())];

    private async Task EndLeftBehindAsync(HomeProcess left)
    {
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
            await RemoveAsync(left, left.Epoch, CancellationToken.None);
        }
        catch (TwinException e)
        {
            // One that is gone has forgotten already.
            LogNotTold(left.ProcessId, e.Message);
        }
        finally
        {
            _processes.TryRemove(left.ProcessId, out _);
            _store.RemoveLeft(left.ProcessId);
            TwinPool.Return(left.Twin, left.ProcessId);
        }
    }
}
