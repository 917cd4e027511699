using System.Collections.Concurrent;
using Twins.Manager.Pool;
using Twins.Protocol;

namespace Twins.Manager.Host;

/// <content>A guest that goes.</content>
internal sealed partial class HostRole
{
    private readonly ConcurrentDictionary<Endpoint, byte> _formerLegs = new();

    /// <summary>This node's ends of legs, those of guests that have just gone among them.</summary>
    public IEnumerable<Endpoint> Legs => _processes.Values.SelectMany(p => p.HostLegs).Concat(_formerLegs.Keys);

    /// <summary>Without cabins: the guests' listeners, N:p.</summary>
    public IEnumerable<Packets.Endpoint> GuestEnds => _processes.Values.SelectMany(p => p.Ends);

    /// <summary>The guest has gone, or never came: its place, rules and ports are given back.</summary>
    public async Task RemoveAsync(HostedProcess hosted)
    {
        // Not a later stay of the same process.
        if (!_processes.TryRemove(KeyValuePair.Create(hosted.ProcessId, hosted)))
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
            hosted.Device?.Dispose();
            hosted.Place.Remove();
            _ = ReturnLegsAsync(hosted.HostLegs);
            _rules.RemoveGuests([.. hosted.Ends]);
        }
    }

    /// <summary>
    /// A late segment of a connection that has ended may still be on its way here. While the legs are diverted the twin, which knows
    /// them no more, drops it; without the rules this node's stack would answer RST, and home would pass that on to the peer.
    /// </summary>
    private async Task ReturnLegsAsync(IReadOnlyCollection<Endpoint> legs)
    {
        foreach (var leg in legs)
            _formerLegs[leg] = 0;
        await Task.Delay(_options.Linger);
        _rules.RemoveLegDestinations(legs);
        foreach (var leg in legs)
            _formerLegs.TryRemove(leg, out _);
        _ports.Return(legs);
    }
}
