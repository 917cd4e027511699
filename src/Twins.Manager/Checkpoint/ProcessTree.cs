using System.Globalization;

namespace Twins.Manager.Checkpoint;

/// <summary>Reads the processes that belong together from /proc (proc(5)).</summary>
public static class ProcessTree
{
    /// <summary>The process and all its descendants, parents before children; empty if it doesn't exist.</summary>
    public static IReadOnlyList<int> Read(int root)
    {
        var pids = new List<int>();
        if (!Directory.Exists($"/proc/{root}"))
            return pids;
        pids.Add(root);
        for (var i = 0; i < pids.Count; i++)
            AddChildren(pids[i], pids);
        return pids;
    }

    /// <summary>The state letter of /proc/PID/stat (R, S, D, T, t, Z ...); <see langword="null"/> if there is no such process.</summary>
    public static char? State(int pid) => StatField(pid, 0) is { } state ? state[0] : null;

    /// <summary>The parent's number; <see langword="null"/> if there is no such process.</summary>
    public static int? Parent(int pid) =>
        StatField(pid, 1) is { } parent ? int.Parse(parent, CultureInfo.InvariantCulture) : null;

    private static string? StatField(int pid, int index)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            // The name in parentheses may hold anything, also parentheses and blanks.
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[index];
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static void AddChildren(int pid, List<int> pids)
    {
        try
        {
            foreach (var task in Directory.EnumerateDirectories($"/proc/{pid}/task"))
            {
                foreach (var child in File.ReadAllText(task + "/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    pids.Add(int.Parse(child, CultureInfo.InvariantCulture));
            }
        }
        catch (IOException)
        {
            // It ended while we looked.
        }
    }
}
