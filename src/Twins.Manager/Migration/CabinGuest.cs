using System.Collections.Immutable;
using Twins.Manager.Checkpoint;
using Twins.Manager.Host;
using Twins.Manager.Processes;
using Twins.Manager.Registry;
using Twins.Packets;
using Twins.Protocol;
using Listener = Twins.Protocol.Listener;

namespace Twins.Manager.Migration;

/// <summary>What another program has restored in a cabin so far.</summary>
internal static class CabinGuest
{
    /// <summary>
    /// Looks into a cabin. A guest is complete when every connection and listener exists and has an owner, and none
    /// is in repair mode: before that its queues, options and window may not be there yet, and an inbound packet would
    /// meet a socket that isn't the one that left.
    /// </summary>
    /// <param name="cabin">Path of the cabin's network namespace.</param>
    /// <param name="pid">The number that the process had: preferred as the guest's root.</param>
    /// <param name="addresses">The addresses that the cabin shows.</param>
    /// <param name="flows">The connections that must be there.</param>
    /// <param name="listeners">The listeners that must be there.</param>
    public static FoundGuest Find(
        string cabin, int pid, ImmutableArray<InternetAddress> addresses, IReadOnlyList<Flow> flows, IReadOnlyList<Listener> listeners)
    {
        // Looked at often, and mostly in vain: without a socket there is no need to go through all processes.
        var (network, rows) = Diversion.Linux.NetworkNamespace.Run(
            cabin, () => (ProcFile.ReadLink("/proc/thread-self/ns/net"), CabinSockets.CountAll()));
        if (rows == 0 && flows.Count + listeners.Count > 0)
            return new FoundGuest(0, "any socket");
        var pids = ProcFile.ReadNumbers("/proc").Where(p => ProcFile.ReadLink(FormattableString.Invariant($"/proc/{p}/ns/net")) == network).ToArray();
        if (pids.Length == 0)
            return new FoundGuest(0, "any process");
        var found = ProcessInspector.ReadEndpoints(pids, addresses);
        var missing = flows.Select(f => f.Connection).Where(c => !found.Connections.Contains(c)).Select(c => $"{c.Local.ToEndpoint()} - {c.Peer.ToEndpoint()}")
            .Concat(listeners.Where(l => !found.Listeners.Contains(l)).Select(l => $"listener {l.Local.ToEndpoint()}"))
            .ToList();
        if (missing.Count > 0)
            return new FoundGuest(0, string.Join(", ", missing.Take(5)) + (missing.Count > 5 ? $" and {missing.Count - 5} more" : ""));
        var owners = ProcessSockets.Read(pids, addresses).Tcp.Select(s => s.Pid).Where(p => p > 0).ToHashSet();
        if (SocketRepair.IsOn(owners))
            return new FoundGuest(0, "connections that have left repair mode");
        SegmentSize.Resync(owners);
        var root = owners.Contains(pid) || (owners.Count == 0 && pids.Contains(pid)) ? pid
            : owners.Order().FirstOrDefault(p => !(ProcessStat.TryRead(p, out var stat) && owners.Contains(stat.ParentPid)));
        return root == 0 ? new FoundGuest(0, "a process with a socket") : new FoundGuest(root, "");
    }
}
