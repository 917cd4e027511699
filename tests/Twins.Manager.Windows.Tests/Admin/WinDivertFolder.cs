using Twins.Diversion.Windows;

namespace Twins.Manager.Windows.Tests.Admin;

/// <summary>WinDivert's files, as scripts/fetch-windivert.sh has put them into build/windivert.</summary>
internal static class WinDivertFolder
{
    public static string Fetched { get; } = Path.Combine(FindRoot(), "build", "windivert");

    /// <summary>A folder of its own with copies; the test deletes it.</summary>
    public static string Copy()
    {
        var folder = Directory.CreateTempSubdirectory("twins-").FullName;
        foreach (var name in new[] { WinDivertFiles.Library, WinDivertFiles.Driver })
            File.Copy(Path.Combine(Fetched, name), Path.Combine(folder, name));
        return folder;
    }

    /// <summary>Changes one octet in the middle.</summary>
    public static void Change(string path)
    {
        var octets = File.ReadAllBytes(path);
        octets[octets.Length / 2] ^= 1;
        File.WriteAllBytes(path, octets);
    }

    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Twins.sln")))
            directory = Path.GetDirectoryName(directory) ?? throw new DirectoryNotFoundException("No directory above the tests has a Twins.sln.");
        return directory;
    }
}
