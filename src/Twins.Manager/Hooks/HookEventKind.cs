namespace Twins.Manager.Hooks;

/// <summary>What a hooked program did with a socket; the numbers are those of hook_protocol.h.</summary>
public enum HookEventKind
{
    /// <summary>A socket was made.</summary>
    Socket = 1,

    /// <summary>Its local end was fixed.</summary>
    Bind = 2,

    /// <summary>It takes connections.</summary>
    Listen = 3,

    /// <summary>It was connected, or began to be.</summary>
    Connect = 4,

    /// <summary>A connection was accepted.</summary>
    Accept = 5,

    /// <summary>A descriptor was closed; others may refer to the same socket.</summary>
    Close = 6,

    /// <summary>A descriptor was duplicated.</summary>
    Duplicate = 7,
}
