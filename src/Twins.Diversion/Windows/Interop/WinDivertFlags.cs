namespace Twins.Diversion.Windows;

/// <summary>How a handle is opened (WINDIVERT_FLAG_*).</summary>
[Flags]
internal enum WinDivertFlags : ulong
{
    /// <summary>What matches is taken and comes to <c>Receive</c>.</summary>
    None = 0,

    /// <summary>What matches goes on, and a copy comes.</summary>
    Sniff = 0x1,

    /// <summary>What matches is dropped, and nothing comes.</summary>
    Drop = 0x2,

    /// <summary>Nothing can be sent.</summary>
    ReceiveOnly = 0x4,

    /// <summary>Nothing is received. What matches is taken all the same: only with a filter that nothing matches.</summary>
    SendOnly = 0x8,

    /// <summary>Fails where the driver isn't loaded, instead of loading it.</summary>
    NoInstall = 0x10,

    /// <summary>Incoming fragments come as they are, instead of put together.</summary>
    Fragments = 0x20,
}
