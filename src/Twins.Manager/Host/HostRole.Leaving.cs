using Twins.Manager.Pool;
using Twins.Protocol;

namespace Twins.Manager.Host;

/// <content>A guest that goes, and what stays of it for a while.</content>
internal sealed partial class HostRole
{
    // Linux gives up an orphaned socket sooner (tcp_fin_timeout, tcp_orphan_retries).
    private static readonly TimeSpan LongestLinger = TimeSpan.FromMinutes(2);

    /// <summary>The guest has gone, or never came: cabin, rules and ports are given back.</summary>
    public async Task RemoveAsync(string processId)
    {
        if (!_processes.TryRemove(processId, out var hosted))
            return;
        await hosted.Gate.WaitAsync();
        try
        {
            if (await TryLeaveBehindAsync(hosted))
                return;
        }
        finally
        {
            hosted.Gate.Release();
        }

        await GiveBackAsync(hosted);
    }

    private async Task GiveBackAsync(HostedProcess hosted)
    {
        var processId = hosted.ProcessId;
        await hosted.Gate.WaitAsync();
        try
        {
            _rules.RemoveLegDestinations(hosted.HostLegs);
            var command = hosted.Command();
            command.Forget = new Forget();
            await hosted.Twin.SendAsync(command);
        }
        catch (TwinException e)
        {
            // A twin that is gone has forgotten already; its replacement is not told of this process.
            LogNotTold(processId, e.Message);
        }
        finally
        {
            hosted.Gate.Release();
            TwinPool.Return(hosted.Twin, processId);
            _ports.Return(hosted.HostLegs);
            hosted.Device?.Dispose();
            hosted.Cabin.Remove();
        }
    }

    /// <summary>
    /// The cabin of a guest that has gone stays for the connections that it closed, until they have ended too: under an ID of
    /// their own, so that the guest may come back meanwhile.
    /// </summary>
    private async Task<bool> TryLeaveBehindAsync(HostedProcess hosted)
    {
        hosted.Lingering.IntersectWith(hosted.Flows.Keys);
        // After a restart of ours only the twin has the device, and closes it with the process.
        if (hosted.Lingering.Count == 0 || hosted.Device is null)
            return false;
        var left = new HostedProcess($"{hosted.ProcessId}~{hosted.Epoch}", hosted.Twin, hosted.Cabin)
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
        try
        {
            var command = hosted.Command();
            command.Forget = new Forget();
            await hosted.Twin.SendAsync(command);
            await TellAsync(left, CancellationToken.None);
        }
        catch (TwinException e)
        {
            // Its replacement is told.
            LogNotTold(left.ProcessId, e.Message);
        }

        _ = Task.Delay(LongestLinger).ContinueWith(_ => RemoveAsync(left.ProcessId), TaskScheduler.Default);
        return true;
    }
}
