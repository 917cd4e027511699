using System.Globalization;
using Twins.Manager.Host;
using Twins.Manager.Processes;
using Twins.Manager.Registry;
using Twins.Packets;
using Twins.Table;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Explaining;

/// <content>The process's own sockets, where it runs; and ports that another program has taken.</content>
internal sealed partial class NodeChecks
{
    private const int MostExamples = 3;

    /// <summary>The process's sockets at one moment, and how far they have come; on Windows nobody tells that.</summary>
    private sealed record SocketLook(Dictionary<(Endpoint, Endpoint), TcpSocket> Sockets, Dictionary<(Endpoint, Endpoint), TcpProgress> Progress);

    private SocketLook? LookAtSockets(ProcessRecord record)
    {
        if (record.CurrentNode != identity.Name || ProcessInspector.TryReadOriginal(record) is not { } tree)
            return null;
        try
        {
            return new SocketLook(
                ProcessSockets.Read(tree.Pids, record.HomeAddresses).Tcp.GroupBy(s => (s.Local, s.Remote)).ToDictionary(g => g.Key, g => g.First()),
                OperatingSystem.IsLinux() ? SocketTable.ReadProgress(record.Pid) : []);
        }
        catch (Exception e) when (e is IOException or System.ComponentModel.Win32Exception or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private void CheckSockets(FindingList findings, ProcessRecord record, HostedProcess? asHost, List<SocketLook?> looks)
    {
        if (looks[0] is not { } first || looks[^1] is not { } last || looks.Contains(null))
            return;
        var now = last.Sockets;
        var unread = new List<string>();
        var unacknowledged = new List<string>();
        foreach (var (ends, socket) in now.Where(pair => pair.Value is { Standing: SocketStanding.Owned, State: TcpState.Established or TcpState.CloseWait }))
        {
            if (!first.Progress.TryGetValue(ends, out var before) || !last.Progress.TryGetValue(ends, out var progress))
                continue;
            if (progress.IsUnreadSince(before))
                unread.Add($"{socket.Remote} ({Text(progress.Unread)} bytes)");
            if (progress.IsUnacknowledgedSince(before))
                unacknowledged.Add($"{socket.Remote} ({Text(progress.Unacknowledged)} bytes)");
        }

        if (unread.Count > 0)
        {
            findings.Fail("unread", $"the program doesn't read what has arrived from {Examples(unread)}: the packets get through, the program stands still or is busy",
                "Look at the program: its log, its threads (/proc/PID/task/*/wchan), what it waits for.");
        }

        if (unacknowledged.Count > 0)
        {
            findings.Fail("unacknowledged", $"what the program has sent isn't acknowledged by {Examples(unacknowledged)}: it doesn't get there, the answer doesn't come back, or the peer takes nothing",
                $"twins capture {record.Name} shows where it ends: no packet from the peer - the way to or from it; zero-window - the peer doesn't read.");
        }

        foreach (var listener in now.Values.Where(s => s.State == TcpState.Listen && IsStuck(looks, s)))
        {
            findings.Fail("unaccepted", $"{Text(listener.Backlog)} connections wait at {listener.Local} for the program to accept them", "Look at the program: it stands still or is busy.");
        }

        if (asHost is { Open: true })
        {
            var missing = asHost.Flows.Values.ToList().Select(f => f.Connection.ToTuple())
                .Where(t => !now.ContainsKey((t.Source, t.Destination))).Select(t => t.Destination.ToString()).ToList();
            if (missing.Count > 0)
            {
                findings.Warn("sockets", $"no socket of the process belongs to the redirected connections with {Examples(missing)}: it has closed them",
                    "They are forgotten after the linger. A peer that still sends on one has to open it anew.");
            }
        }

        if (unread.Count + unacknowledged.Count == 0)
            findings.Ok("sockets", $"{Text(now.Values.Count(s => s is { Standing: SocketStanding.Owned, State: not TcpState.Listen }))} connections of the process, nothing stands still in their queues");
    }

    // How many were accepted in between nobody tells.
    private static bool IsStuck(List<SocketLook?> looks, TcpSocket listener)
    {
        var least = 1u;
        foreach (var look in looks)
        {
            if (!look!.Sockets.TryGetValue((listener.Local, listener.Remote), out var then) || then.Backlog < least)
                return false;
            least = then.Backlog;
        }

        return true;
    }

    // A leg's port that a local program has opened: its socket would get, or answer, what is the twin's.
    private void CheckTakenPorts(FindingList findings, ProcessRecord record)
    {
        var legs = (home.Find(record.Id)?.Flows.Values.ToList().Select(f => f.HomeLeg.ToEndpoint()) ?? [])
            .Concat(host.Find(record.Id)?.HostLegs.ToList().Select(l => l.ToEndpoint()) ?? []).ToHashSet();
        if (legs.Count == 0 || !OperatingSystem.IsLinux())
            return;
        try
        {
            var taken = SocketTable.Read(Environment.ProcessId, IpProtocol.Tcp).Select(s => s.Local)
                .Where(local => legs.Contains(local) || (local.Address.IsUnspecified && legs.Any(leg => leg.Port == local.Port))).Select(l => l.ToString()).Distinct().ToList();
            if (taken.Count == 0)
                findings.Ok("ports", "no program has a port of its legs");
            else
                findings.Fail("ports", $"a program of this node has opened {Examples(taken)}, which redirected connections use", "End it, or let it use a port outside of the redirect range (twins doctor, redirect-ports).");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            findings.Warn("ports", $"the kernel's sockets can't be read: {e.Message}", "twins doctor says what this node lacks.");
        }
    }

    private static string Examples(List<string> of) => string.Join(", ", of.Take(MostExamples)) + (of.Count > MostExamples ? $" and {Text(of.Count - MostExamples)} more" : "");

    private static string Text(uint number) => number.ToString(CultureInfo.InvariantCulture);
}
