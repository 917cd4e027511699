using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Security.Principal;
using Microsoft.Win32.SafeHandles;

namespace Twins.Access.Windows.Tests.Support;

/// <summary>This process's token with some groups that only deny, as Administrators does in that of one who isn't elevated.</summary>
internal static unsafe partial class RestrictedToken
{
    private const uint Everything = 0xF01FF; // TOKEN_ALL_ACCESS

    /// <summary>A token that a thread can take.</summary>
    public static SafeAccessTokenHandle Without(params WellKnownSidType[] groups)
    {
        if (!OpenProcessToken(GetCurrentProcess(), Everything, out var own))
            throw new Win32Exception();
        using (own)
        {
            var sids = groups.Select(Octets).ToArray();
            var pins = sids.Select(sid => GCHandle.Alloc(sid, GCHandleType.Pinned)).ToArray();
            try
            {
                var disabled = pins.Select(pin => new SidAndAttributes { Sid = pin.AddrOfPinnedObject() }).ToArray();
                fixed (SidAndAttributes* list = disabled)
                {
                    if (!CreateRestrictedToken(own, 0, (uint)disabled.Length, list, 0, null, 0, null, out var primary))
                        throw new Win32Exception();
                    using (primary)
                    {
                        // SecurityImpersonation, TokenImpersonation
                        return DuplicateTokenEx(primary, Everything, 0, 2, 2, out var restricted) ? restricted : throw new Win32Exception();
                    }
                }
            }
            finally
            {
                foreach (var pin in pins)
                    pin.Free();
            }
        }
    }

    private static byte[] Octets(WellKnownSidType group)
    {
        var sid = new SecurityIdentifier(group, null);
        var octets = new byte[sid.BinaryLength];
        sid.GetBinaryForm(octets, 0);
        return octets;
    }

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentProcess();

    [LibraryImport("advapi32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool OpenProcessToken(nint process, uint access, out SafeAccessTokenHandle token);

    [LibraryImport("advapi32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CreateRestrictedToken(
        SafeAccessTokenHandle token, uint flags, uint disableCount, SidAndAttributes* disable, uint deleteCount, void* delete,
        uint restrictCount, SidAndAttributes* restrict, out SafeAccessTokenHandle restricted);

    [LibraryImport("advapi32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool DuplicateTokenEx(
        SafeAccessTokenHandle token, uint access, nint attributes, int level, int kind, out SafeAccessTokenHandle copy);

    [StructLayout(LayoutKind.Sequential)]
    private struct SidAndAttributes
    {
        public nint Sid;
        public uint Attributes;
    }
}
