using Twins.Diversion.Windows;

namespace Twins.Diversion.Tests;

/// <summary>The hashes in the code are those by which the files are fetched.</summary>
[TestClass]
public sealed class WinDivertFilesTests
{
    [TestMethod]
    [DataRow("bin/x64/" + WinDivertFiles.Library, WinDivertFiles.LibraryHash)]
    [DataRow("bin/x64/" + WinDivertFiles.Driver, WinDivertFiles.DriverHash)]
    public void Hash_IsTheManifests(string path, string hash) =>
        CollectionAssert.Contains(File.ReadAllLines(Path.Combine(FindRoot(), "drivers/windivert/manifest")), $"file {hash} {path}");

    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Twins.sln")))
            directory = Path.GetDirectoryName(directory) ?? throw new DirectoryNotFoundException("No directory above the tests has a Twins.sln.");
        return directory;
    }
}
