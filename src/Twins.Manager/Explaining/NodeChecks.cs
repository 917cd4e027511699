using Twins.Diversion;
using Twins.Manager.Cluster;
using Twins.Manager.Home;
using Twins.Manager.Host;
using Twins.Manager.Nodes;
using Twins.Manager.Pool;
using Twins.Manager.Processes;
using Twins.Manager.Registry;
using Twins.Manager.Rules;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Explaining;

/// <summary>What this node can see of why a process's connections stall: record, hold, twin, rules, counters, sockets, ways.</summary>
internal sealed partial class NodeChecks(
    ProcessRegistry registry,
    ProcessInspector processes,
    HomeRole home,
    HostRole host,
    TwinPool pool,
    DiversionRules rules,
    NodeMap nodes,
    NodeCluster identity)
{
    // Looked at so often, a listener for which something waits each time, and never less, accepts nothing.
    private const int TimesToLook = 5;

    // Counters that grow in this time count now.
    private static readonly TimeSpan TimeToCount = TimeSpan.FromMilliseconds(700);

    /// <summary>Looks at everything.</summary>
    public async Task<ExplainReply> RunAsync(string processId, CancellationToken cancellation)
    {
        var reply = new ExplainReply();
        var findings = new FindingList(identity.Name, reply);
        if (registry.FindById(processId) is not { } record)
        {
            findings.Fail("record", "this node knows nothing of the process, though another one says that it is involved",
                "Compare what 'twins ls' says on both nodes; a node that has lost its table (stateDirectory) can't take part in redirecting.");
            return reply;
        }

        (reply.Epoch, reply.RunsOn) = (record.Epoch, record.CurrentNode);
        var atHome = home.Find(processId);
        var asHost = host.Find(processId);
        reply.Flows.AddRange((atHome is { Host: not null } ? atHome.Flows.Values : asHost?.Flows.Values ?? Enumerable.Empty<Flow>()).ToList());
        CheckRecord(findings, record);
        CheckHold(findings, record, atHome);
        var before = await CountAsync(findings, record, atHome, asHost);
        var looks = new List<SocketLook?> { LookAtSockets(record) };
        if (atHome is not null || asHost is not null)
            CheckRules(findings, atHome, asHost);
        await CheckOtherNodesAsync(findings, record, atHome, asHost, cancellation);
        await CheckWaysAsync(findings, record, atHome, cancellation);
        for (var i = 0; i < TimesToLook; i++)
        {
            await Task.Delay(TimeToCount / TimesToLook, cancellation);
            looks.Add(LookAtSockets(record));
        }

        if (before is not null)
            await CheckCountersAsync(findings, record, before);
        CheckTakenPorts(findings, record);
        CheckSockets(findings, record, asHost, looks);
        return reply;
    }

    private void CheckRecord(FindingList findings, ProcessRecord record)
    {
        var here = record.CurrentNode == identity.Name;
        var what = $"epoch {record.Epoch}, on '{record.CurrentNode}', {ProcessRegistry.StateName(record.State)}";
        switch (record.State)
        {
            case ProcessState.InDoubt:
                findings.Fail("state", $"a move is in doubt, the original is frozen and its packets are held: {record.Note}",
                    $"It resolves itself when the nodes meet again. A person can decide: twins resolve {record.Name} --run-here|--gone, after looking where it runs.");
                break;
            case ProcessState.Held:
                findings.Fail("state", $"it is held on somebody's order, so all that arrives for it waits{(record.Note.Length > 0 ? $": {record.Note}" : "")}",
                    $"twins release {record.Name}, or twins redirect {record.Name} --to NODE.");
                break;
            case ProcessState.Migrating:
                findings.Warn("state", "a move is under way; its packets are held while it is frozen", "Wait for its end; twins show tells its history.");
                break;
            case ProcessState.Exited:
                findings.Fail("state", "it has ended", "Start it again.");
                return;
            default:
                findings.Ok("state", what);
                break;
        }

        if (!here)
            return;
        if (ProcessInspector.TryReadOriginal(record) is not { } tree)
        {
            findings.Fail("process", $"PID {record.Pid} isn't there any more, or is another process", "It has ended; twinsd will notice. Start it again.");
            return;
        }

        var stopped = tree.Processes.Where(p => p.State is 'T' or 't').Select(p => p.Pid).ToArray();
        if (stopped.Length == 0)
        {
            findings.Ok("process", $"PID {record.Pid} runs ({tree.Processes.Count} in all)");
        }
        else if (record.State is ProcessState.Running)
        {
            findings.Fail("process", $"stopped: PID {string.Join(", ", stopped)}; its sockets acknowledge what arrives until they are full, and the program reads nothing",
                $"If nobody debugs it or stopped it on purpose: kill -CONT {string.Join(' ', stopped)}");
        }
    }

    private static void CheckHold(FindingList findings, ProcessRecord record, HomeProcess? atHome)
    {
        if (atHome is not { Holding: true } || record.State is ProcessState.Held or ProcessState.InDoubt)
            return;
        if (atHome.PausedUntil is { } until)
        {
            findings.Fail("hold", $"redirecting is paused until {until:u}: what its peers send is held", "twins resume");
            return;
        }

        var since = TimeProvider.System.GetElapsedTime(atHome.HoldingSince);
        if (record.State == ProcessState.Migrating || since < TimeSpan.FromSeconds(5))
        {
            findings.Warn("hold", $"packets for it are held since {since.TotalSeconds:0.0} s", "Wait for the end of the move.");
            return;
        }

        findings.Fail("hold", $"packets for it are held since {since.TotalSeconds:0} s, and no move is under way as far as this node knows",
            $"Where it runs has not told home yet: see that the nodes reach each other (twins nodes). twins release {record.Name} gives what is held to this node's own sockets, if the process is here.");
    }

    /// <summary>What the twin counts, or null when there is none or it doesn't answer.</summary>
    private async Task<Dictionary<string, ulong>?> CountAsync(FindingList findings, ProcessRecord record, HomeProcess? atHome, HostedProcess? asHost)
    {
        if ((atHome?.Twin ?? asHost?.Twin) is not { } twin)
        {
            findings.Ok("twin", "none is needed: its packets go through the kernel as ever");
            return null;
        }

        try
        {
            var status = (await twin.SendAsync(new TwinRequest { Status = new Protocol.Status() })).Status;
            if (status.Processes.FirstOrDefault(p => p.ProcessId == record.Id) is not { } of)
            {
                findings.Fail("twin", $"twin {status.Pid} knows nothing of the process", "Restart twinsd on this node: it tells its twins everything again. The connections stay.");
                return null;
            }

            var expected = atHome is { Holding: true } ? TwinProcessStatus.Types.Role.Holding
                : asHost is not null ? TwinProcessStatus.Types.Role.Hosting : TwinProcessStatus.Types.Role.Redirecting;
            if (of.Role == expected || atHome is { Host: null })
                findings.Ok("twin", $"twin {status.Pid} answers: {of.Role.ToString().ToLowerInvariant()}, {of.Flows} connections, {of.HeldPackets} packets held now");
            else
                findings.Fail("twin", $"twin {status.Pid} is {of.Role.ToString().ToLowerInvariant()} with {of.HeldPackets} packets held, but should be {expected.ToString().ToLowerInvariant()}", "Restart twinsd on this node: it tells its twins everything again. The connections stay.");
            CheckQueue(findings, twin.Queue);
            return Counters(status, of);
        }
        catch (TwinException e)
        {
            findings.Fail("twin", e.Message, "twinsd starts another twin by itself. If it stays, the log of twinsd on this node says why.");
            return null;
        }
    }

    private static void CheckQueue(FindingList findings, int queue)
    {
        const string List = "/proc/net/netfilter/nfnetlink_queue";
        if (!OperatingSystem.IsLinux() || !File.Exists(List))
            return;
        var line = File.ReadLines(List).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).FirstOrDefault(c => c.Length > 2 && c[0] == Text(queue));
        if (line is null)
            findings.Fail("queue", $"nobody takes packets from queue {queue}: the kernel drops them", "Restart twinsd on this node: it starts a twin for the queue.");
        else
            findings.Ok("queue", $"queue {queue} is taken from, {line[2]} packets wait in it");
    }

    private void CheckRules(FindingList findings, HomeProcess? atHome, HostedProcess? asHost)
    {
        const string Check = "rules";
        try
        {
            var missing = rules.CountMissing(atHome is null ? [] : [atHome], asHost?.HostLegs ?? [], asHost?.Ends ?? []);
            if (missing == 0)
                findings.Ok(Check, "the kernel diverts all that the twin is to get");
            else
                findings.Fail(Check, $"{missing} of the rules that divert its packets to the twin are gone: another program has changed table 'inet twins' or the raw chain", "Restart twinsd on this node: it puts them back. Find what flushes the rules (a firewall's reload, for example).");
        }
        catch (Exception e) when (e is DiversionException or InvalidOperationException)
        {
            findings.Fail(Check, $"the rules that divert packets can't be read: {e.Message}", "twins doctor says what is missing.");
        }
    }

    private async Task CheckCountersAsync(FindingList findings, ProcessRecord record, Dictionary<string, ulong> before)
    {
        if (pool.Find(record.Id) is not { } twin)
            return;
        try
        {
            var status = (await twin.SendAsync(new TwinRequest { Status = new Protocol.Status() })).Status;
            if (status.Processes.FirstOrDefault(p => p.ProcessId == record.Id) is not { } of)
                return;
            var now = Counters(status, of);
            var grew = now.Where(count => count.Value > before.GetValueOrDefault(count.Key)).ToArray();
            foreach (var (reason, count) in grew)
            {
                var meaning = DropMeaning.Of(reason);
                var detail = $"{count - before.GetValueOrDefault(reason)} packets were dropped within {TimeToCount.TotalMilliseconds:0} ms as {reason}: {meaning.Meaning}";
                if (meaning.IsCause)
                    findings.Fail("drops", detail, meaning.Remedy);
                else
                    findings.Warn("drops", detail, meaning.Remedy);
            }

            if (grew.Length == 0)
                findings.Ok("drops", now.Count == 0 ? "nothing was dropped" : $"nothing is dropped now; since its start: {string.Join(", ", now.Select(count => $"{count.Value} {count.Key}"))}");
        }
        catch (TwinException)
        {
            // It has answered before, and is told of there.
        }
    }

    private static Dictionary<string, ulong> Counters(TwinStatus status, TwinProcessStatus of)
    {
        var counters = new Dictionary<string, ulong>(of.Drops);
        foreach (var (reason, count) in status.Processes.Where(p => p.ProcessId.Length == 0).SelectMany(p => p.Drops))
            counters[reason] = counters.GetValueOrDefault(reason) + count;
        return counters;
    }

    private async Task CheckOtherNodesAsync(FindingList findings, ProcessRecord record, HomeProcess? atHome, HostedProcess? asHost, CancellationToken cancellation)
    {
        foreach (var other in new[] { record.HomeNode, record.CurrentNode, atHome?.Host ?? "", asHost?.Home ?? "" }.Where(n => n.Length > 0 && n != identity.Name).Distinct())
        {
            try
            {
                await nodes.Get(other).DescribeAsync(cancellation);
                findings.Ok("other-node", $"node '{other}' answers this one");
            }
            catch (NodeException e)
            {
                findings.Fail("other-node", e.Message, $"New connections and the end of the process can't be agreed on without it; see that '{other}' and the network between the nodes work.");
            }
        }
    }

    private static string Text(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
