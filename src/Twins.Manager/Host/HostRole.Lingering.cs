using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Host;

/// <content>Connections that a guest closed before it left: its cabin stays for them.</content>
internal sealed partial class HostRole
{
    /// <summary>The stays whose connections this node's cabins have, those of guests that have gone among them.</summary>
    public IEnumerable<string> Stays => _processes.Values.Select(p => p.HasLeft ? p.ProcessId : p.StayId);

    /// <summary>
    /// The cabin of a guest that has gone stays for the connections that it closed, until they have ended too: under an ID of
    /// their own, so that the guest may come back meanwhile.
    /// </summary>
    private async Task<bool> TryLeaveBehindAsync(HostedProcess hosted)
    {
        hosted.Lingering.IntersectWith(hosted.Flows.Keys);
        if (hosted.Lingering.Count == 0)
            return false;
        var left = new HostedProcess(hosted.StayId, hosted.Twin, hosted.Place)
        {
            Epoch = hosted.Epoch,
            Home = hosted.Home,
            HomeAddress = hosted.HomeAddress,
            Device = hosted.Device,
            Open = true,
            HasLeft = true,
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

        return true;
    }

    /// <summary>
    /// Gives up the cabins whose stack has no more connections. How long it has them is the kernel's business: a slow peer may
    /// take hours to read the rest, one that is gone is given up after <c>tcp_orphan_retries</c> or <c>tcp_fin_timeout</c> (tcp(7)).
    /// The twin may have seen the end of them before.
    /// </summary>
    public async Task EndLeftBehindAsync()
    {
        foreach (var left in _processes.Values.Where(p => p.HasLeft))
        {
            if (left.Place.CountOpen(left.Flows.Keys.ToList()) > 0)
                left.QuietSince = 0;
            else if (left.QuietSince == 0)
                left.QuietSince = TimeProvider.System.GetTimestamp();
            else if (TimeProvider.System.GetElapsedTime(left.QuietSince) > _options.Linger)
                await RemoveAsync(left);
        }
    }

    /// <summary>After a restart: cabins that were left behind.</summary>
    private async Task RestoreLeftBehindAsync(CancellationToken cancellation)
    {
        foreach (var record in _store.LoadLeft())
        {
            if (_places.Find(record.Cabin) is not { } place)
            {
                _store.RemoveLeft(record.Id);
                continue;
            }

            var twin = await _pool.ReclaimAsync(record.Queue, record.Id, cancellation);
            var left = new HostedProcess(record.Id, twin, place)
            {
                Epoch = record.Epoch,
                Home = record.OtherNode,
                HomeAddress = new Packets.Endpoint(record.HomeAddress, 0).ToWire(),
                Open = true,
                HasLeft = true,
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
        }
    }
}
