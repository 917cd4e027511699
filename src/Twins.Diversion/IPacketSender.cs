namespace Twins.Diversion;

/// <summary>Sends whole IP packets, in order, past our own rules. For one thread.</summary>
public interface IPacketSender : IDisposable
{
    /// <summary>Copies a packet to be sent with the next <see cref="Flush"/>, which comes by itself when the batch is full.</summary>
    /// <param name="packet">A whole IP packet with complete checksums.</param>
    void Enqueue(ReadOnlySpan<byte> packet);

    /// <summary>Sends what was enqueued. What the system refuses is counted and left out.</summary>
    void Flush();

    /// <summary>What was sent and what was refused.</summary>
    SendCounters Counters { get; }
}
