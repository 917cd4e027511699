namespace Twins.Redirection;

/// <summary>
/// What has gone over a route. Written by the data thread alone, not synchronised: another thread may read values that are
/// a little old.
/// </summary>
public sealed class FlowCounters
{
    /// <summary>Packets forwarded.</summary>
    public long Packets { get; private set; }

    /// <summary>Octets forwarded, IP headers included.</summary>
    public long Bytes { get; private set; }

    /// <summary>Counts one packet.</summary>
    public void Count(int bytes)
    {
        Packets++;
        Bytes += bytes;
    }
}
