using Twins.Manager.Pool;
using Twins.Protocol;

namespace Twins.Manager.Home;

/// <content>The commit point: the path to the host, or home.</content>
internal sealed partial class HomeRole
{
    /// <summary>The commit point has passed: what is held goes to the host, in order, and all that follows.</summary>
    public Task<SwitchPathReply> SwitchAsync(SwitchPathRequest request, CancellationToken cancellation) =>
        ChangeAsync("switch", request.ProcessId, request.Epoch, request.Flows.Count, create: false, async process =>
        {
            // Said once more, and done before: what is held now is the next migration's.
            if (process.Holding && process.Epoch == request.Epoch && process.Host == request.Host)
                return new SwitchPathReply();
            if (request.Host == _identity.Name)
                return await ComeHomeAsync(process, request.Epoch, cancellation);
            var left = process.Host;
            process.Epoch = request.Epoch;

            // After a restart of ours the kernel diverts only what the table said. The twin drops what it doesn't know yet; this
            // node's stack would answer RST.
            if (!process.NextHostLegs.IsSupersetOf(request.HostLegs) && !process.HostLegs.IsSupersetOf(request.HostLegs))
                _rules.DivertLegSources(process.Twin.Queue, request.HostLegs);
            var command = process.Command();
            command.Migrated = Redirecting(process, request.Flows);
            var told = process.Twin.SendAsync(command, cancellation: cancellation);

            // While the twin is at work, what it is told is kept here: should it fail, its replacement is told the same.
            var former = process.HostLegs.Except(request.HostLegs).Except(LegsOfOthers(process)).ToList();
            foreach (var flow in process.Flows.Values.Concat(process.NextFlows.Values))
                ReturnPort(flow);
            process.Flows.Clear();
            process.NextFlows.Clear();
            foreach (var flow in request.Flows)
            {
                process.Flows[flow.Connection] = flow;
                UsePort(flow);
            }

            process.HostLegs.Clear();
            process.HostLegs.UnionWith(request.HostLegs);
            process.NextHostLegs.Clear();
            process.Holding = process.HoldingNewOnly = false;
            process.PausedUntil = null;
            process.Frozen = [];
            process.Host = request.Host;
            process.HostAddress = request.HostAddress;
            _store.Save(process, request.Pid);
            var reply = await told;

            ForgetUnopened(process, request.Flows);

            // What pointed at the host before this one.
            _rules.RemoveLegSources(former);

            // After the answer. The source does so too, when the original is gone, but that may have been before this.
            _ = Task.Run(() => ReserveAsync(process.ProcessId, CancellationToken.None), CancellationToken.None);
            LogSwitched(process.ProcessId, request.Host, process.Flows.Count, process.Epoch);
            var held = Held(reply, process.ProcessId);
            if (left is not null && left != request.Host)
                _store.SaveMove(process, left, TimeProvider.System.GetElapsedTime(process.HoldingSince), held);
            return held;
        });

    /// <summary>
    /// The process is about to run at home again: what its sockets, which exist by now, send from its first instruction on gets out. What
    /// comes in is held until it runs: sockets that come to nothing would have acknowledged it, or answered RST in their absence.
    /// </summary>
    public Task LetSpeakAsync(string processId) => SpeakAsync(processId, process =>
    {
        process.Speaking = [.. process.Ends()];
        _rules.LetSpeak(process.Twin.Queue, process.Speaking);
    });

    /// <summary>The process couldn't be let run at home after all.</summary>
    public Task SilenceAsync(string processId) => SpeakAsync(processId, process =>
    {
        _rules.Silence(process.Speaking);
        process.Speaking = [];
    });

    /// <summary>Keeps the ports of the process, whose sockets are gone from here, from being given to another one.</summary>
    public async Task ReserveAsync(string processId, CancellationToken cancellation)
    {
        if (Find(processId) is not { Host: not null } process)
            return;
        await process.Gate.WaitAsync(cancellation);
        try
        {
            await process.Twin.SendAsync(Reserve(process), cancellation: cancellation);
        }
        catch (TwinException e)
        {
            // Its replacement is told.
            LogNotTold(process.ProcessId, e.Message);
        }
        finally
        {
            process.Gate.Release();
        }
    }

    /// <summary>
    /// Home again. The kernel lets the local sockets speak (a process that arrives does so already) and hear first, then they get what
    /// is held, in order: an answer to it that the rules still dropped would come a retransmission timeout later. What overtakes it TCP
    /// puts in order.
    /// </summary>
    private async Task<SwitchPathReply> ComeHomeAsync(HomeProcess process, ulong epoch, CancellationToken cancellation)
    {
        RemoveRules(process);
        var command = process.Command();
        command.Epoch = epoch;
        command.Release = new Release();
        var reply = await process.Twin.SendAsync(command, cancellation: cancellation);
        await RemoveAsync(process, epoch, cancellation);
        _store.Clear(process.ProcessId);
        LogHome(process.ProcessId, epoch);
        return Held(reply, process.ProcessId);
    }

    private async Task SpeakAsync(string processId, Action<HomeProcess> change)
    {
        if (Find(processId) is not { } process)
            return;
        await process.Gate.WaitAsync();
        try
        {
            change(process);
        }
        finally
        {
            process.Gate.Release();
        }
    }

    private static TwinRequest Reserve(HomeProcess process)
    {
        var command = process.Command();
        command.Reserve = new Reserve { Ports = { process.Ends() } };
        return command;
    }

    private static SwitchPathReply Held(TwinReply reply, string processId)
    {
        var status = reply.Status?.Processes.FirstOrDefault(p => p.ProcessId == processId);
        return new SwitchPathReply { HeldPackets = status?.HeldPacketsTotal ?? 0, HeldBytes = status?.HeldBytesTotal ?? 0 };
    }
}
