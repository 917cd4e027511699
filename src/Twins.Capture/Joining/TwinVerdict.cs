namespace Twins.Capture;

/// <summary>What a twin did with a packet.</summary>
public enum TwinVerdict
{
    /// <summary>Nothing: no twin told of it.</summary>
    None = 0,

    /// <summary>Left to the local stack.</summary>
    Passed,

    /// <summary>Kept.</summary>
    Held,

    /// <summary>Had been kept, and was sent on.</summary>
    Released,

    /// <summary>Rewritten and sent on.</summary>
    Rewritten,

    /// <summary>Dropped and counted.</summary>
    Dropped,

    /// <summary>Made by the twin: a frozen socket's answer with a window of zero.</summary>
    Answered,
}
