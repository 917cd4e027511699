namespace Twins.Hook.Windows.Tests.Support;

/// <summary>Messages, octet by octet.</summary>
internal static class Messages
{
    /// <summary>A connect, in progress, of an IPv6 socket from ::ffff:10.0.0.1:4660 to ::ffff:10.0.0.2:80.</summary>
    public static byte[] MappedConnect() =>
    [
        0x54, 0x57, 0x48, 0x4B, 1, 0, 56, 0, 4, 6, 6, 1, 7, 0, 0, 0, 0x34, 0x12, 80, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, 1,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, 2,
        0, 0, 0, 0,
    ];
}
