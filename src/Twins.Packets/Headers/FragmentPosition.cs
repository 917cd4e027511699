namespace Twins.Packets;

/// <summary>Which part of a datagram a packet carries.</summary>
public enum FragmentPosition
{
    /// <summary>All of it.</summary>
    Whole = 0,

    /// <summary>The first part: with the transport header, without the rest.</summary>
    First,

    /// <summary>A later part: no transport header, so no ports.</summary>
    Later,
}
