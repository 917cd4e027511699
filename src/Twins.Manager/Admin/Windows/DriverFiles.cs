using System.Security.Cryptography;
using Twins.Diversion.Windows;

namespace Twins.Manager.Admin;

/// <summary>Whether WinDivert's files are where they are needed, and are those that Twins knows.</summary>
internal static class DriverFiles
{
    private const string Remedy = $"Stop twinsd, and put {WinDivertFiles.Library} and {WinDivertFiles.Driver} of WinDivert {WinDivertFiles.Version} there: install Twins again.";

    /// <summary>Looks in the folders of all programs that divert.</summary>
    /// <exception cref="IOException">A file can't be read.</exception>
    public static Finding Find(IReadOnlyCollection<string> folders)
    {
        var files = folders.SelectMany(folder => new[]
        {
            (Path: Path.Combine(folder, WinDivertFiles.Library), Hash: WinDivertFiles.LibraryHash),
            (Path: Path.Combine(folder, WinDivertFiles.Driver), Hash: WinDivertFiles.DriverHash),
        }).ToArray();
        var missing = files.Where(file => !File.Exists(file.Path)).Select(file => file.Path).ToArray();
        if (missing.Length > 0)
            return Finding.Failed($"missing: {string.Join(", ", missing)}", Remedy);

        // Whoever may write there may use another build, which the licence grants; so it is said, and no fault.
        var others = files.Where(file => Hash(file.Path) != file.Hash).Select(file => file.Path).ToArray();
        return others.Length > 0
            ? Finding.Warning($"by its SHA-256 not of WinDivert {WinDivertFiles.Version}: {string.Join(", ", others)}", $"If you haven't put it there: {Remedy}")
            : Finding.Ok($"WinDivert {WinDivertFiles.Version} in {string.Join(", ", folders)}");
    }

    /// <summary>SHA-256 in lower case. The file of a driver that is loaded can be read too.</summary>
    /// <exception cref="IOException">It can't be read.</exception>
    public static string Hash(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }
}
