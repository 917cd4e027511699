using System.Security.AccessControl;
using System.Security.Principal;

namespace Twins.Manager.Settings.Windows;

/// <summary>
/// Directories with keys, table and process images: SYSTEM, Administrators and the user of <c>twinsd</c> may do everything,
/// nobody else anything, and nothing is inherited from above. %ProgramData% lets every user make directories, so one that
/// somebody else has made is refused: its maker could change its access list at any time.
/// </summary>
internal static class OwnDirectory
{
    private static readonly SecurityIdentifier[] Trusted =
        [new(WellKnownSidType.LocalSystemSid, null), new(WellKnownSidType.BuiltinAdministratorsSid, null), Self()];

    /// <summary>Makes the directories that the settings name, or sets the access lists of those that are there.</summary>
    /// <exception cref="OwnDirectoryException">One can't be made, or isn't ours.</exception>
    public static void Prepare(TwinsdOptions options)
    {
        foreach (var path in new[] { options.StateDirectory, options.RunDirectory, options.ImagePath })
            Prepare(path);
    }

    /// <inheritdoc cref="Prepare(TwinsdOptions)"/>
    public static void Prepare(string path)
    {
        var directory = new DirectoryInfo(path);
        var security = Security();
        try
        {
            security.CreateDirectory(path);
            directory.Refresh();
            if (directory.Attributes.HasFlag(FileAttributes.ReparsePoint))
                throw new OwnDirectoryException($"{path} is a link to somewhere else. Remove it, or name another directory in the settings.");
            Check(path, directory.GetAccessControl(AccessControlSections.Owner));
            directory.SetAccessControl(security);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidOperationException or NotSupportedException or ArgumentException)
        {
            throw new OwnDirectoryException($"The directory {path} can't be made, or closed to other users: {exception.Message}", exception);
        }
    }

    /// <summary>Whether a file, and the directory that it lies in, are ours.</summary>
    /// <exception cref="UnauthorizedAccessException">They belong to somebody else.</exception>
    public static void CheckFile(string path)
    {
        Check(path, new FileInfo(path).GetAccessControl(AccessControlSections.Owner));
        var directory = Path.GetDirectoryName(path)!;
        Check(directory, new DirectoryInfo(directory).GetAccessControl(AccessControlSections.Owner));
    }

    private static void Check(string path, FileSystemSecurity security)
    {
        var owner = (SecurityIdentifier?)security.GetOwner(typeof(SecurityIdentifier));
        if (owner is null || !Trusted.Contains(owner))
            throw new UnauthorizedAccessException($"{path} belongs to {owner?.Value ?? "nobody"}, not to SYSTEM, Administrators or {Trusted[^1].Value}. If nobody needs what is in it, remove it.");
    }

    private static DirectorySecurity Security()
    {
        var security = new DirectorySecurity();
        security.SetAccessRuleProtection(isProtected: true, preserveInheritance: false);
        foreach (var user in Trusted)
        {
            security.AddAccessRule(new FileSystemAccessRule(
                user, FileSystemRights.FullControl, InheritanceFlags.ContainerInherit | InheritanceFlags.ObjectInherit, PropagationFlags.None, AccessControlType.Allow));
        }

        return security;
    }

    private static SecurityIdentifier Self()
    {
        using var identity = WindowsIdentity.GetCurrent();
        return identity.User!;
    }
}
