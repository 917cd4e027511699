using Google.Protobuf.Collections;
using Twins.Protocol;
using Twins.Redirection;

namespace Twins.Worker;

/// <content>What it tells when asked.</content>
internal sealed partial class TwinState
{
    public TwinStatus ToStatus()
    {
        var status = NewStatus();
        foreach (var process in _processes.Values)
            status.Processes.Add(process.ToStatus(Held));
        // What can't be put to a process, or was one's that is forgotten, under an empty name.
        var others = new TwinProcessStatus();
        Count(others.Drops, DropReason.TooLarge, output.TooLarge);
        Count(others.Drops, DropReason.SendFailed, output.SendFailed);
        Count(others.Drops, "QueueFull", readUntaken());
        for (var reason = 1; reason < _drops.Length; reason++)
            Count(others.Drops, (DropReason)reason, _drops[reason]);
        if (others.Drops.Count > 0)
            status.Processes.Add(others);
        return status;
    }

    public TwinStatus ToStatus(MobileProcess process)
    {
        var status = NewStatus();
        status.Processes.Add(process.ToStatus(Held));
        return status;
    }

    private static void Count(MapField<string, ulong> drops, DropReason reason, long packets) => Count(drops, reason.ToString(), packets);

    private static void Count(MapField<string, ulong> drops, string reason, long packets)
    {
        if (packets > 0)
            drops[reason] = drops.GetValueOrDefault(reason) + (ulong)packets;
    }

    private TwinStatus NewStatus() => new() { Pid = Environment.ProcessId, Queue = options.Queue };
}
