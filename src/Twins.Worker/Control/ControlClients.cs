using Twins.Protocol;

namespace Twins.Worker;

/// <summary>The connections that commands come over: each gets its answers, and once it is proven, events too. For the data thread.</summary>
internal sealed class ControlClients
{
    private readonly List<ControlConnection> _proven = [];

    /// <summary>Tells all of an event.</summary>
    public void Report(TwinEvent happened)
    {
        foreach (var connection in _proven)
            connection.Send(new TwinMessage { Event = happened });
    }

    /// <summary>Answers a command. With the first that was carried out the connection is told of events, and of what is still waiting.</summary>
    public void Answer(ControlItem item, TwinReply reply, TwinState state)
    {
        var connection = item.Connection;
        connection.Send(new TwinMessage { Reply = reply });
        if (reply.Error != TwinError.TwinOk)
        {
            connection.Refused(item.Request, reply);
            return;
        }

        if (item.Request.Watch is { } watch)
        {
            // Of packets, not of events.
            connection.IsProven = true;
            _proven.Remove(connection);
            state.Watches.Add(new PacketWatch(connection, item.Request.ProcessId, watch.Payload));
            return;
        }

        if (connection.IsProven)
            return;
        connection.IsProven = true;
        _proven.RemoveAll(other => !other.IsOpen);
        _proven.Add(connection);
        state.ReportAgain(happened => connection.Send(new TwinMessage { Event = happened }));
    }
}
