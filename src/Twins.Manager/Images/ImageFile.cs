namespace Twins.Manager.Images;

/// <summary>A file to send.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Name">What it is called on the wire: no path.</param>
/// <param name="IsSideFile">Not an image but a file of the process, such as its output log.</param>
public readonly record struct ImageFile(string Path, string Name, bool IsSideFile)
{
    /// <summary>Whether it consists of pages of memory, and of nothing else (CRIU: pages-N.img).</summary>
    public bool HasPages => !IsSideFile && Name.StartsWith("pages-", StringComparison.Ordinal);

    /// <summary>All files of an images directory but migrators' logs, largest first, so that small ones fill the gaps.</summary>
    public static IReadOnlyList<ImageFile> Of(string imagesDirectory) =>
        [.. new DirectoryInfo(imagesDirectory).EnumerateFiles()
            .Where(file => file.Extension != ".log")
            .OrderByDescending(file => file.Length)
            .Select(file => new ImageFile(file.FullName, file.Name, false))];
}
