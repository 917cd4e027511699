namespace Twins.Diversion;

/// <summary>
/// Takes packets that are singled out from the system's path. If the diverter is gone, the system drops them and never answers in their
/// place: on Linux because the rule stays, on Windows because a guard stands behind it. For one thread.
/// </summary>
public interface IDiverter : IDisposable
{
    /// <summary>Packets at most in one batch.</summary>
    int BatchSize { get; }

    /// <summary>Takes the next batch: on Linux what is there, on Windows it waits for a packet.</summary>
    /// <returns>The number of packets, 0 to <see cref="BatchSize"/>.</returns>
    /// <exception cref="InvalidOperationException">The batch before was not completed.</exception>
    /// <exception cref="DiversionException">The system refused.</exception>
    int Receive();

    /// <summary>A packet of the batch, 0 to the number received - 1, in order of arrival.</summary>
    DivertedPacket this[int index] { get; }

    /// <summary>Lets the packet go on untouched, its mark taken off. Changes to its bytes are not carried back.</summary>
    void Accept(int index);

    /// <summary>Gives the verdicts: what was not accepted is dropped. The views of the batch are void.</summary>
    /// <exception cref="DiversionException">The system refused.</exception>
    void Complete();
}
