using System.Runtime.InteropServices;

namespace Twins.Worker.Windows;

/// <summary>
/// Gives up what a twin doesn't need: every privilege but the one that every program has. What it opens later, handles of the
/// driver, asks who its user is, not for privileges.
/// </summary>
internal static unsafe partial class Privileges
{
    private const uint AdjustAndQuery = 0x20 | 0x8; // TOKEN_ADJUST_PRIVILEGES, TOKEN_QUERY
    private const int OfToken = 3;                  // TokenPrivileges
    private const uint ChangeNotify = 23;           // SE_CHANGE_NOTIFY_PRIVILEGE
    private const uint Removed = 4;                 // SE_PRIVILEGE_REMOVED
    private const int CountBytes = 4;

    /// <summary>Removes them from this process for good. What can't be removed is logged.</summary>
    public static void Drop()
    {
        if (!OpenProcessToken(GetCurrentProcess(), AdjustAndQuery, out var token))
        {
            Tell();
            return;
        }

        using (token)
        {
            _ = GetTokenInformation(token, OfToken, null, 0, out var bytes);
            var buffer = stackalloc byte[(int)bytes];
            if (!GetTokenInformation(token, OfToken, buffer, bytes, out bytes))
            {
                Tell();
                return;
            }

            // TOKEN_PRIVILEGES: a count, then that many LUID_AND_ATTRIBUTES.
            var privileges = new Span<Privilege>(buffer + CountBytes, *(int*)buffer);
            foreach (ref var privilege in privileges)
            {
                if (privilege.Low != ChangeNotify)
                    privilege.Attributes = Removed;
            }

            if (!AdjustTokenPrivileges(token, false, buffer, 0, null, null))
                Tell();
        }
    }

    private static void Tell() => Log.Warning("privileges-kept", $"error=\"{Marshal.GetLastPInvokeErrorMessage()}\"");

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentProcess();

    [LibraryImport("advapi32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool OpenProcessToken(nint process, uint access, out Token token);

    [LibraryImport("advapi32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetTokenInformation(Token token, int kind, void* buffer, uint bytes, out uint needed);

    [LibraryImport("advapi32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool AdjustTokenPrivileges(
        Token token, [MarshalAs(UnmanagedType.Bool)] bool disableAll, void* privileges, uint previousBytes, void* previous, uint* needed);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CloseHandle(nint handle);

    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct Privilege
    {
        public uint Low;
        public int High;
        public uint Attributes;
    }

    private sealed class Token : SafeHandle
    {
        public Token()
            : base(0, ownsHandle: true)
        {
        }

        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle() => CloseHandle(handle);
    }
}
