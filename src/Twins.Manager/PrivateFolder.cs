namespace Twins.Manager;

/// <summary>Folders that nobody but this program's user can enter.</summary>
internal static class PrivateFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes a folder, and those above it, where they are missing; one that is there is closed to others. On Windows it inherits the access list of the data directory.</summary>
    /// <exception cref="IOException">It can't be made.</exception>
    public static void Create(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            File.SetUnixFileMode(Directory.CreateDirectory(path, OwnerOnly).FullName, OwnerOnly);
    }
}
