using System.Globalization;
using System.Runtime.InteropServices;

namespace Twins.Manager.Processes;

/// <summary>
/// The private memory of running processes (proc_pid_mem(5)): what a checkpoint of them would hold, give or take what changes
/// meanwhile. Nothing is stopped, and no page comes into being by being read.
/// </summary>
internal static class ProcessMemory
{
    /// <summary>Octets that are read at once at most.</summary>
    public const int RunBytes = 512 * 1024;

    // Of proc_pid_pagemap(5): a page in memory or swapped out, and not one of a file or of shared memory.
    private const ulong Present = 1UL << 63, Swapped = 1UL << 62, FileOrShared = 1UL << 61;

    // 256 GiB of addresses. More are looked through by nobody who has a process to move.
    private const long MostPages = 1L << 26;

    /// <summary>
    /// Runs of whole pages, each valid until the next is asked for. What can't be read, because the process has ended or has given
    /// the memory back, is left out.
    /// </summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Read(IEnumerable<int> pids)
    {
        var buffer = new byte[RunBytes];
        var entries = new ulong[RunBytes / Environment.SystemPageSize];
        var left = MostPages;
        foreach (var pid in pids)
        {
            if (TryOpen(pid, "pagemap") is not { } pagemap)
                continue;
            using (pagemap)
            {
                if (TryOpen(pid, "mem") is not { } memory)
                    continue;
                using (memory)
                {
                    foreach (var (first, last) in ReadAreas(pid))
                    {
                        for (var page = first; page < last && left > 0; page += entries.Length, left -= entries.Length)
                        {
                            var count = (int)Math.Min(entries.Length, last - page);
                            var known = TryRead(pagemap, MemoryMarshal.AsBytes(entries.AsSpan(0, count)), page * sizeof(ulong)) / sizeof(ulong);
                            foreach (var (start, length) in Runs(entries, known))
                            {
                                var octets = TryRead(memory, buffer.AsSpan(0, length * Environment.SystemPageSize), (page + start) * Environment.SystemPageSize);
                                if (octets > 0)
                                    yield return buffer.AsMemory(0, octets - octets % Environment.SystemPageSize);
                            }
                        }
                    }
                }
            }
        }
    }

    /// <summary>First page, and the one behind the last, of the areas that can hold private pages.</summary>
    private static IEnumerable<(long First, long Last)> ReadAreas(int pid)
    {
        foreach (var line in ProcFile.ReadLines(FormattableString.Invariant($"/proc/{pid}/maps")))
        {
            // start-end perms offset dev inode path
            var fields = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            var bounds = fields[0].Split('-');
            if (fields.Length < 5 || fields[1] is "---p" || fields[1][3] == 's' || (fields.Length == 6 && fields[5].Trim() is ['[', 'v', ..]))
                continue;
            if (long.TryParse(bounds[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var start)
                && long.TryParse(bounds[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var end))
            {
                yield return (start / Environment.SystemPageSize, end / Environment.SystemPageSize);
            }
        }
    }

    private static IEnumerable<(int Start, int Length)> Runs(ulong[] entries, int count)
    {
        for (var at = 0; at < count; at++)
        {
            var start = at;
            while (at < count && (entries[at] & (Present | Swapped)) != 0 && (entries[at] & FileOrShared) == 0)
                at++;
            if (at > start)
                yield return (start, at - start);
        }
    }

    private static Microsoft.Win32.SafeHandles.SafeFileHandle? TryOpen(int pid, string name)
    {
        try
        {
            return File.OpenHandle(FormattableString.Invariant($"/proc/{pid}/{name}"));
        }
        catch (Exception exception) when (ProcFile.IsGone(exception))
        {
            return null;
        }
    }

    private static int TryRead(Microsoft.Win32.SafeHandles.SafeFileHandle file, Span<byte> buffer, long offset)
    {
        try
        {
            return RandomAccess.Read(file, buffer, offset);
        }
        catch (Exception exception) when (ProcFile.IsGone(exception))
        {
            return 0;
        }
    }
}
