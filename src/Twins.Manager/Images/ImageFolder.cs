namespace Twins.Manager.Images;

/// <summary>Where images of a process wait: in memory if there is room, as they live for milliseconds.</summary>
public static class ImageFolder
{
    /// <summary>The folder in memory.</summary>
    public const string InMemory = "/run/twins/images";

    /// <summary>The folder on disk.</summary>
    public const string OnDisk = "/var/lib/twins/images";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes a new folder that only root can enter, in memory if a tmpfs is there with room for twice the estimate, else on disk.</summary>
    /// <exception cref="IOException">There is one of that name, or none can be made.</exception>
    public static string Create(string name, long estimatedBytes)
    {
        var parent = HasRoom(InMemory, estimatedBytes) ? InMemory : OnDisk;
        return Create(parent, name);
    }

    /// <summary>Makes a new folder that only root can enter below <paramref name="parent"/>.</summary>
    /// <inheritdoc cref="Create(string, long)"/>
    public static string Create(string parent, string name)
    {
        if (Path.GetFileName(name) != name || name.Length == 0 || name[0] == '.')
            throw new ArgumentException($"'{name}' can't be the name of an image folder.", nameof(name));
        Make(parent);
        var folder = Path.Combine(parent, name);
        if (Directory.Exists(folder))
            throw new IOException($"There is an image folder {folder} already.");
        return Make(folder);
    }

    /// <summary>Octets that can be written below an existing folder.</summary>
    public static long FreeBytes(string folder) => new DriveInfo(folder).AvailableFreeSpace;

    // On Windows the folder inherits the permissions of its parent, which the installer sets.
    private static string Make(string folder) => OperatingSystem.IsWindows()
        ? Directory.CreateDirectory(folder).FullName
        : Directory.CreateDirectory(folder, OwnerOnly).FullName;

    private static bool HasRoom(string folder, long estimatedBytes)
    {
        Make(folder);
        var drive = new DriveInfo(folder);
        return drive.DriveFormat == "tmpfs" && drive.AvailableFreeSpace / 2 > estimatedBytes;
    }
}
