namespace Twins.Manager.Images;

/// <summary>Whether a write failed for want of room.</summary>
internal static class DiskSpace
{
    // ENOSPC and EDQUOT, errno.h.
    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;

    /// <summary>The file system is full, or the user's share of it.</summary>
    public static bool IsUsedUp(Exception failure) => failure is IOException { HResult: NoSpace or QuotaExceeded };
}
