namespace Twins.Manager.Processes;

/// <summary>Reading below /proc, where everything may be gone the next moment.</summary>
internal static class ProcFile
{
    /// <summary>The whole file; false when it, or its process, is not there or may not be read.</summary>
    public static bool TryReadText(string path, out string text)
    {
        try
        {
            text = File.ReadAllText(path);
            return true;
        }
        catch (Exception exception) when (IsGone(exception))
        {
            text = "";
            return false;
        }
    }

    /// <summary>The lines of a file; none when it is not there.</summary>
    public static string[] ReadLines(string path) =>
        TryReadText(path, out var text) ? text.Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];

    /// <summary>Where a symbolic link points, uninterpreted (readlink(2)); null when it is not there.</summary>
    public static string? ReadLink(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception exception) when (IsGone(exception))
        {
            return null;
        }
    }

    /// <summary>The names in a directory that are numbers: processes, threads, descriptors.</summary>
    public static int[] ReadNumbers(string directory)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(directory).Select(Path.GetFileName).Where(name => int.TryParse(name, out _)).Select(name => int.Parse(name!, null)).Order()];
        }
        catch (Exception exception) when (IsGone(exception))
        {
            return [];
        }
    }

    /// <summary>A process that ends while it is read shows as a missing file, ESRCH or, once a zombie, EACCES.</summary>
    public static bool IsGone(Exception exception) => exception is IOException or UnauthorizedAccessException;
}
