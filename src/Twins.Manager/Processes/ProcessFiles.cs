using System.Text;

namespace Twins.Manager.Processes;

/// <summary>The files that processes need where they run.</summary>
public static class ProcessFiles
{
    private const string Deleted = " (deleted)";

    /// <summary>Mapped files, open regular files and working directories of the processes, each path once, in order of the path.</summary>
    public static IReadOnlyList<ProcessFile> Read(IReadOnlyCollection<int> pids)
    {
        var uses = new SortedDictionary<string, (int Pid, FileUse Use)>(StringComparer.Ordinal);
        foreach (var pid in pids)
        {
            foreach (var line in ProcFile.ReadLines(FormattableString.Invariant($"/proc/{pid}/maps")))
            {
                if (TryParseMapping(line, out var path, out var isExecuted))
                    Add(pid, path, isExecuted ? FileUse.Executed : FileUse.Mapped);
            }

            if (ProcFile.ReadLink(FormattableString.Invariant($"/proc/{pid}/cwd")) is { } directory)
                Add(pid, directory, FileUse.WorkingDirectory);
            foreach (var descriptor in DescriptorFolder.Read(pid).Where(descriptor => descriptor.Target.StartsWith('/')))
                Add(pid, descriptor.Target, FileUse.Open);
        }

        return [.. uses.Select(entry => Describe(entry.Key, entry.Value.Pid, entry.Value.Use)).OfType<ProcessFile>()];

        void Add(int pid, string path, FileUse use) =>
            uses[path] = uses.TryGetValue(path, out var known) ? (known.Pid, known.Use | use) : (pid, use);
    }

    /// <summary>Parses <c>start-end rwxp offset device inode path</c>; only mappings of files have an inode.</summary>
    internal static bool TryParseMapping(string line, out string path, out bool isExecuted)
    {
        path = "";
        isExecuted = false;
        var fields = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length < 6 || fields[4] == "0" || fields[1].Length < 4)
            return false;
        // The kernel writes line feeds in names as \012, and nothing else so.
        path = fields[5].TrimStart(' ').Replace("\\012", "\n", StringComparison.Ordinal);
        isExecuted = fields[1][2] == 'x';
        return path.StartsWith('/') && !path.StartsWith("/SYSV", StringComparison.Ordinal) && !path.StartsWith("/memfd:", StringComparison.Ordinal)
            && path != "/dev/zero" + Deleted;
    }

    /// <summary>Looks through the process's own root, which may be another mount namespace.</summary>
    private static ProcessFile? Describe(string path, int pid, FileUse use)
    {
        if (path.StartsWith("/memfd:", StringComparison.Ordinal))
            return null;
        if (path.EndsWith(Deleted, StringComparison.Ordinal))
            return new ProcessFile(path[..^Deleted.Length], use, 0, 0, IsDeleted: true);
        var real = new StringBuilder("/proc/").Append(pid).Append("/root").Append(path).ToString();
        try
        {
            var isDirectory = File.GetAttributes(real).HasFlag(FileAttributes.Directory);
            // Devices are no files to compare; a directory counts as working directory only.
            if (isDirectory ? !use.HasFlag(FileUse.WorkingDirectory) : path.StartsWith("/dev/", StringComparison.Ordinal) || path.StartsWith("/proc/", StringComparison.Ordinal))
                return null;
            return new ProcessFile(path, use, isDirectory ? 0 : new FileInfo(real).Length, OperatingSystem.IsWindows() ? 0 : (int)File.GetUnixFileMode(real), IsDeleted: false);
        }
        catch (Exception exception) when (ProcFile.IsGone(exception))
        {
            return new ProcessFile(path, use, 0, 0, IsDeleted: true);
        }
    }
}
