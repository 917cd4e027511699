namespace Twins.Diversion;

/// <summary>What a sender sent and what the system refused, by reason. Written by the sender's thread alone.</summary>
public sealed class SendCounters
{
    /// <summary>Packets sent.</summary>
    public long Sent { get; internal set; }

    /// <summary>Larger than the way out carries (EMSGSIZE).</summary>
    public long TooLarge { get; internal set; }

    /// <summary>No buffer space (ENOBUFS, ENOMEM, EAGAIN).</summary>
    public long NoBuffer { get; internal set; }

    /// <summary>Forbidden by a filter of the machine (EPERM, EACCES).</summary>
    public long Forbidden { get; internal set; }

    /// <summary>No way to the destination (ENETUNREACH, EHOSTUNREACH, ENETDOWN).</summary>
    public long Unreachable { get; internal set; }

    /// <summary>Anything else.</summary>
    public long Other { get; internal set; }

    /// <summary>All that was refused.</summary>
    public long Refused => TooLarge + NoBuffer + Forbidden + Unreachable + Other;
}
