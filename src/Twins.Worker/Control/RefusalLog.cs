using Twins.Protocol;

namespace Twins.Worker;

/// <summary>Says once what was refused to whom; trying again and again fills no log. Bounded: when it is full it starts anew. Thread safe.</summary>
internal sealed class RefusalLog
{
    private const int MaximumKeys = 1000;
    private const int MaximumNameCharacters = 200;
    private readonly HashSet<object> _told = [];

    /// <summary>A connection was refused.</summary>
    /// <param name="offender">Process 0: all processes of the user count as one.</param>
    /// <param name="reason">A sentence.</param>
    public void Tell(ControlPeer offender, string reason)
    {
        if (IsFirst(offender))
            Log.Warning("control-refused", $"user={offender.User} pid={offender.ProcessId} reason=\"{reason}\"");
    }

    /// <summary>A command was refused.</summary>
    public void Tell(ControlPeer offender, TwinRequest request, TwinReply reply)
    {
        // A longer name is no process's, and isn't kept.
        var process = request.ProcessId.Length <= MaximumNameCharacters ? request.ProcessId : "";
        if (IsFirst((offender, request.CommandCase, process, reply.Error)))
            Log.Warning("command-refused", $"pid={offender.ProcessId} command={request.CommandCase} process={process} epoch={request.Epoch} error={reply.Error} reason=\"{reply.Message}\"");
    }

    private bool IsFirst(object key)
    {
        lock (_told)
        {
            if (_told.Count >= MaximumKeys)
                _told.Clear();
            return _told.Add(key);
        }
    }
}
