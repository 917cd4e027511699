using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Security.Principal;
using Microsoft.Win32.SafeHandles;
using Twins.Manager.Nodes;
using Twins.Manager.Settings;

namespace Twins.Manager.Admin.Page.Windows;

/// <summary>
/// The token that the admin page's program runs with: of LocalService, or of twinsd's own user; without any privilege but the one to pass
/// through directories, without membership in Administrators, at medium integrity. What Windows made is looked at before it is used.
/// </summary>
internal static unsafe partial class PageToken
{
    private const uint AllAccess = 0xF01FF; // TOKEN_ALL_ACCESS
    private const int OfPrivileges = 3;     // TokenPrivileges
    private const int OfIntegrity = 25;     // TokenIntegrityLevel
    private const uint IsIntegrity = 0x20;  // SE_GROUP_INTEGRITY
    private const uint ChangeNotify = 23;   // SE_CHANGE_NOTIFY_PRIVILEGE
    private const int LogonService = 5;     // LOGON32_LOGON_SERVICE
    private const int CountBytes = 4;

    private static readonly SecurityIdentifier LocalService = new(WellKnownSidType.LocalServiceSid, null);
    private static readonly SecurityIdentifier Administrators = new(WellKnownSidType.BuiltinAdministratorsSid, null);

    // S-1-16-8192, SECURITY_MANDATORY_MEDIUM_RID.
    private static readonly SecurityIdentifier MediumIntegrity = new("S-1-16-8192");

    /// <summary>Makes it.</summary>
    /// <param name="user">The setting <c>adminUser</c>.</param>
    /// <param name="sid">The user that it is of.</param>
    /// <exception cref="NodeException">Windows doesn't let us, or made another than asked for.</exception>
    public static SafeAccessTokenHandle Create(string user, out SecurityIdentifier sid)
    {
        var isOwn = user == TwinsdOptions.OwnUser;
        using var basis = isOwn ? Own() : LogOn();
        var token = Restrict(basis);
        try
        {
            SetIntegrity(token);
            using var identity = Identity(token);
            sid = identity.User!;
            if (!isOwn && sid != LocalService)
                throw NotLocalService($"Windows gave a token of {sid.Value} for it");
            if (new WindowsPrincipal(identity).IsInRole(Administrators) || ReadPrivileges(token).Any(privilege => privilege.Low != ChangeNotify))
                throw PageLauncher.Failure("page-has-rights", "The admin page's program would have rights that can't be taken from it here; it isn't started.");
            return token;
        }
        catch
        {
            token.Dispose();
            throw;
        }
    }

    private static SafeAccessTokenHandle Own() =>
        OpenProcessToken(GetCurrentProcess(), AllAccess, out var token) ? token : throw Failed("open twinsd's token");

    // Without a password, for whoever may act as part of the system: LocalSystem.
    private static SafeAccessTokenHandle LogOn() =>
        LogonUser("LocalService", "NT AUTHORITY", null, LogonService, 0, out var token) ? token : throw NotLocalService(Marshal.GetLastPInvokeErrorMessage());

    private static WindowsIdentity Identity(SafeAccessTokenHandle token)
    {
        try
        {
            return new WindowsIdentity(token.DangerousGetHandle());
        }
        catch (Exception e) when (e is ArgumentException or Win32Exception or System.Security.SecurityException)
        {
            throw NotLocalService(e.Message);
        }
    }

    private static SafeAccessTokenHandle Restrict(SafeAccessTokenHandle basis)
    {
        var privileges = ReadPrivileges(basis).Where(privilege => privilege.Low != ChangeNotify).ToArray();
        var administrators = new byte[Administrators.BinaryLength];
        Administrators.GetBinaryForm(administrators, 0);
        fixed (Privilege* removed = privileges)
        fixed (byte* group = administrators)
        {
            var disabled = new SidAndAttributes { Sid = group };
            return CreateRestrictedToken(basis, 0, 1, &disabled, (uint)privileges.Length, removed, 0, null, out var token) ? token : throw Failed("restrict a token");
        }
    }

    private static void SetIntegrity(SafeAccessTokenHandle token)
    {
        var medium = new byte[MediumIntegrity.BinaryLength];
        MediumIntegrity.GetBinaryForm(medium, 0);
        fixed (byte* label = medium)
        {
            var level = new SidAndAttributes { Sid = label, Attributes = IsIntegrity };
            if (!SetTokenInformation(token, OfIntegrity, &level, (uint)(sizeof(SidAndAttributes) + medium.Length)))
                throw Failed("lower a token's integrity");
        }
    }

    // TOKEN_PRIVILEGES: a count, then that many LUID_AND_ATTRIBUTES.
    private static Privilege[] ReadPrivileges(SafeAccessTokenHandle token)
    {
        _ = GetTokenInformation(token, OfPrivileges, null, 0, out var bytes);
        var buffer = new byte[Math.Max(bytes, CountBytes)];
        fixed (byte* told = buffer)
        {
            if (!GetTokenInformation(token, OfPrivileges, told, (uint)buffer.Length, out _))
                throw NotLocalService(Marshal.GetLastPInvokeErrorMessage());
            return new Span<Privilege>(told + CountBytes, *(int*)told).ToArray();
        }
    }

    private static NodeException NotLocalService(string cause) => PageLauncher.Failure(
        "page-user", $"The admin page's program runs as LocalService, and twinsd can't log that on ({cause}): only a service of LocalSystem can, so start twinsd with 'twins service start'. "
        + "Where twinsd is run by hand, set adminUser to twinsd: then the program runs as twinsd's user, without its rights.");

    private static NodeException Failed(string operation) => PageLauncher.Failure("page-not-started", $"The admin page's program can't be started: {operation}: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentProcess();

    [LibraryImport("advapi32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool OpenProcessToken(nint process, uint access, out SafeAccessTokenHandle token);

    [LibraryImport("advapi32", EntryPoint = "LogonUserW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool LogonUser(string user, string domain, string? password, int kind, int provider, out SafeAccessTokenHandle token);

    [LibraryImport("advapi32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetTokenInformation(SafeAccessTokenHandle token, int kind, void* buffer, uint bytes, out uint needed);

    [LibraryImport("advapi32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetTokenInformation(SafeAccessTokenHandle token, int kind, void* value, uint bytes);

    [LibraryImport("advapi32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CreateRestrictedToken(
        SafeAccessTokenHandle basis, uint flags, uint disabledCount, SidAndAttributes* disabled, uint removedCount, Privilege* removed,
        uint restrictingCount, SidAndAttributes* restricting, out SafeAccessTokenHandle token);

    /// <summary>LUID_AND_ATTRIBUTES.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct Privilege
    {
        public uint Low;
        public int High;
        public uint Attributes;
    }

    /// <summary>SID_AND_ATTRIBUTES.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SidAndAttributes
    {
        public byte* Sid;
        public uint Attributes;
    }
}
