using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Security.Principal;

namespace Twins.Cli.Capturing.Windows;

/// <summary>Files that this user, Administrators and SYSTEM can open, whatever the directory says.</summary>
[SupportedOSPlatform("windows")]
internal static class PrivateFile
{
    /// <summary>Makes one, or empties the one that is there, whose access list stays.</summary>
    /// <exception cref="IOException">It can't be made.</exception>
    public static FileStream Create(string path)
    {
        using var identity = WindowsIdentity.GetCurrent();
        var security = new FileSecurity();
        security.SetAccessRuleProtection(isProtected: true, preserveInheritance: false);
        SecurityIdentifier[] readers =
            [identity.User!, new(WellKnownSidType.BuiltinAdministratorsSid, null), new(WellKnownSidType.LocalSystemSid, null)];
        foreach (SecurityIdentifier reader in readers)
            security.AddAccessRule(new FileSystemAccessRule(reader, FileSystemRights.FullControl, AccessControlType.Allow));
        return new FileInfo(path).Create(FileMode.Create, FileSystemRights.WriteData | FileSystemRights.AppendData, FileShare.Read, 1 << 16, FileOptions.None, security);
    }
}
