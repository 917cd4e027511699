using Twins.Manager.Pool;
using Twins.Protocol;

namespace Twins.Manager.Host;

/// <content>A guest that goes.</content>
internal sealed partial class HostRole
{
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
            if (hosted.HasLeft)
                _store.RemoveLeft(processId);
            TwinPool.Return(hosted.Twin, processId);
            _ports.Return(hosted.HostLegs);
            hosted.Device?.Dispose();
            hosted.Cabin.Remove();
        }
    }
}
