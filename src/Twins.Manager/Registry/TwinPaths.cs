using System.Collections.Concurrent;
using Twins.Manager.Settings;

namespace Twins.Manager.Registry;

/// <summary>Where things lie, from the settings and from where twinsd was installed.</summary>
internal sealed class TwinPaths(TwinsdOptions options)
{
    private readonly ConcurrentDictionary<string, bool> _images = new();

    /// <summary>The twin program: as set, or the one built or installed beside twinsd; on Windows in the same directory.</summary>
    public string TwinProgram => options.TwinPath.Length > 0
        ? options.TwinPath
        : OperatingSystem.IsWindows()
            ? Path.Combine(AppContext.BaseDirectory, "twin.exe")
            : Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "twin", "twin"));

    /// <summary>A new, private directory for the images of a migration.</summary>
    public string NewImages(string migrationId)
    {
        var directory = Path.Combine(options.ImagePath, migrationId);
        _images[directory] = true;
        PrivateFolder.Create(directory);
        return directory;
    }

    /// <summary>
    /// Removes a migration's images. A migrator that is ending may write its statistics just then, so it is tried again; what
    /// can't be removed goes at the next start.
    /// </summary>
    public void RemoveImages(string directory)
    {
        _images.TryRemove(directory, out _);
        if (directory.Length > 0 && !TryRemove(directory))
            _ = Task.Run(() => RemoveLaterAsync(directory));
    }

    /// <summary>Whether a migration of this run has its images there.</summary>
    public bool IsInUse(string directory) => _images.ContainsKey(directory);

    private static async Task RemoveLaterAsync(string directory)
    {
        for (var attempt = 0; attempt < 20 && !TryRemove(directory); attempt++)
            await Task.Delay(TimeSpan.FromMilliseconds(250));
    }

    private static bool TryRemove(string directory)
    {
        try
        {
            if (Directory.Exists(directory))
                Directory.Delete(directory, recursive: true);
            return !Directory.Exists(directory);
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Removes the images that an earlier run left.</summary>
    public void RemoveAllImages() => RemoveImages(options.ImagePath);
}
