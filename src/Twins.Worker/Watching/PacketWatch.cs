using Google.Protobuf;
using Twins.Protocol;

namespace Twins.Worker;

/// <summary>
/// One reader of what the twin does with packets: gathers them, and hands them to the connection's own thread. What waits there is
/// bounded; more is left out and counted. For the data thread.
/// </summary>
internal sealed class PacketWatch(ControlConnection connection, string processId, bool payload)
{
    private const int MostPackets = 256;
    private const int MostBytes = 256 << 10;

    // With payload 8 MiB at most.
    private const int MostWaiting = 32;
    private SeenPackets _seen = new();
    private int _bytes;
    private ulong _missed;

    public bool IsOpen => connection.IsOpen;

    /// <summary>Whether there is something to send.</summary>
    public bool HasGathered => _seen.Packets.Count > 0 || _missed > 0;

    /// <summary>Whether it asked for whole packets.</summary>
    public bool Payload => payload;

    /// <summary>Whether it asked for the process, or for what that left behind.</summary>
    public bool Wants(string process) => processId.Length == 0
        || (process.StartsWith(processId, StringComparison.Ordinal) && (process.Length == processId.Length || process[processId.Length] == '~'));

    public void Add(SeenPacket packet)
    {
        if (_seen.Packets.Count == MostPackets || _bytes >= MostBytes)
            Flush();
        if (_seen.Packets.Count == 0 && connection.Waiting >= MostWaiting)
        {
            _missed++;
            return;
        }

        _seen.Packets.Add(packet);
        _bytes += packet.Packet.Length;
    }

    /// <summary>Sends what was gathered.</summary>
    public void Flush()
    {
        if (!HasGathered || connection.Waiting >= MostWaiting)
        {
            _missed += (ulong)_seen.Packets.Count;
            _seen.Packets.Clear();
            _bytes = 0;
            return;
        }

        _seen.Missed = _missed;
        connection.Send(new TwinMessage { Packets = _seen });
        (_seen, _bytes, _missed) = (new SeenPackets(), 0, 0);
    }
}
