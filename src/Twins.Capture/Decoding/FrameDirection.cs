namespace Twins.Capture;

/// <summary>Whether a frame came to the machine that captured it, or left it. The values are those of pcapng's epb_flags.</summary>
public enum FrameDirection
{
    /// <summary>Not known.</summary>
    Unknown = 0,

    /// <summary>It came.</summary>
    Inbound = 1,

    /// <summary>It left.</summary>
    Outbound = 2,
}
