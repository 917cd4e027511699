using Twins.Manager.Cabins;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Host;

/// <content>Connections that a guest closed before it left: its cabin stays for them.</content>
internal sealed partial class HostRole
{
    // Linux gives up an orphaned socket sooner (tcp_fin_timeout, tcp_orphan_retries).
    private static readonly TimeSpan LongestLinger = TimeSpan.FromMinutes(2);

    /// <summary>
    /// The cabin of a guest that has gone stays for the connections that it closed, until they have ended too: under an ID of
    /// their own, so that the guest may come back meanwhile.
    /// </summary>
    private async Task<bool> TryLeaveBehindAsync(HostedProcess hosted)
    {
        hosted.Lingering.IntersectWith(hosted.Flows.Keys);
        if (hosted.Lingering.Count == 0)
            return false;
        var left = new HostedProcess($"{hosted.ProcessId}~{hosted.Epoch}", hosted.Twin, hosted.Cabin)
        {
            Epoch = hosted.Epoch,
            Home = hosted.Home,
            HomeAddress = hosted.HomeAddress,
            Device = hosted.Device,
            Open = true,
            HasLeft = true,
            LeftUntil = TimeProvider.System.GetUtcNow() + LongestLinger,
        };
        left.HostLegs.UnionWith(hosted.HostLegs);
        foreach (var connection in hosted.Lingering)
            left.Flows[connection] = hosted.Flows[connection];
        TwinPool.Return(hosted.Twin, hosted.ProcessId);
        TwinPool.Share(left.Twin, left.ProcessId);
        _processes[left.ProcessId] = left;
        _store.SaveLeft(left);
        try
        {
            // After a restart of ours only the twin has the device, and would close it with the guest.
            await TellAsync(left, CancellationToken.None, deviceOf: hosted.ProcessId);
            var command = hosted.Command();
            command.Forget = new Forget();
            await hosted.Twin.SendAsync(command);
        }
        catch (TwinException e)
        {
            // Its replacement is told.
            LogNotTold(left.ProcessId, e.Message);
        }

        EndLater(left.ProcessId, LongestLinger);
        return true;
    }

    /// <summary>After a restart: cabins that were left behind stay for the time that is left.</summary>
    private async Task RestoreLeftBehindAsync(CancellationToken cancellation)
    {
        var cabins = Cabin.List(_options.CabinDirectory).ToDictionary(c => c.Id);
        foreach (var record in _store.LoadLeft())
        {
            var time = record.Until - TimeProvider.System.GetUtcNow();
            if (time <= TimeSpan.Zero || !cabins.TryGetValue(record.Cabin, out var cabin))
            {
                _store.RemoveLeft(record.Id);
                continue;
            }

            var twin = await _pool.ReclaimAsync(record.Queue, record.Id, cancellation);
            var left = new HostedProcess(record.Id, twin, cabin)
            {
                Epoch = record.Epoch,
                Home = record.OtherNode,
                HomeAddress = new Packets.Endpoint(record.HomeAddress, 0).ToWire(),
                Open = true,
                HasLeft = true,
                LeftUntil = record.Until,
            };
            left.HostLegs.UnionWith(record.HostLegs.Select(l => l.ToWire()));
            foreach (var flow in record.Flows.Select(f => f.ToWire()))
                left.Flows[flow.Connection] = flow;
            _ports.Use(left.HostLegs);
            _processes[left.ProcessId] = left;
            // One that lived on has the device, and knows what has ended meanwhile.
            if (!twin.IsAdopted)
                await TellAsync(left, cancellation);
            _rules.DivertLegDestinations(twin.Queue, left.HostLegs);
            // Not more than it was when it was left, whatever the clock has done.
            EndLater(left.ProcessId, time < LongestLinger ? time : LongestLinger);
        }
    }

    private void EndLater(string processId, TimeSpan after) =>
        _ = Task.Delay(after).ContinueWith(_ => RemoveAsync(processId), TaskScheduler.Default);
}
