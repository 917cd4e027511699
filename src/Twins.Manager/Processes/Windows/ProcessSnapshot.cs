using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Twins.Manager.Processes.Windows;

/// <summary>
/// Which process started which, at one moment. Windows never gives an orphan another parent, and gives the numbers of ended
/// processes to new ones: a process is the parent of another only if it was there before it.
/// </summary>
/// <param name="creators">The number of each process to that of the process that started it.</param>
/// <param name="startOf">When a process started; null when it has ended or can't be looked at.</param>
internal sealed class ProcessSnapshot(IReadOnlyDictionary<int, int> creators, Func<int, ulong?> startOf)
{
    /// <summary>Takes one of this machine.</summary>
    /// <exception cref="Win32Exception">The system gives none.</exception>
    public static unsafe ProcessSnapshot Take(Func<int, ulong?> startOf)
    {
        using var snapshot = Native.CreateToolhelp32Snapshot(Native.SnapProcess, 0);
        if (snapshot.IsInvalid)
            throw Failure();
        var creators = new Dictionary<int, int>();
        var entry = new ProcessEntry { Size = (uint)sizeof(ProcessEntry) };
        for (var isThere = Native.Process32First(snapshot, &entry); isThere; isThere = Native.Process32Next(snapshot, &entry))
            creators[entry.ProcessId] = entry.ParentProcessId;
        if (Marshal.GetLastPInvokeError() != Native.ErrorNoMoreFiles)
            throw Failure();
        return new ProcessSnapshot(creators, startOf);
    }

    /// <summary>The parent of a process; 0 when it has ended, or the process itself has.</summary>
    public int ParentOf(int pid) =>
        creators.TryGetValue(pid, out var creator) && creator != 0 && creators.ContainsKey(creator)
        && startOf(creator) is { } before && startOf(pid) is { } after && before <= after ? creator : 0;

    /// <summary>The numbers of a process and of all that descend from it, a parent always before its children; none when the process isn't there.</summary>
    public IReadOnlyList<int> TreeOf(int root)
    {
        var found = new List<int>();
        if (!creators.ContainsKey(root) || startOf(root) is not { } rootStart)
            return found;
        var children = creators.ToLookup(entry => entry.Value, entry => entry.Key);
        var seen = new HashSet<int>([root]);
        var waiting = new Queue<(int Pid, ulong Start)>([(root, rootStart)]);
        while (waiting.TryDequeue(out var parent))
        {
            found.Add(parent.Pid);
            foreach (var child in children[parent.Pid])
            {
                if (startOf(child) is { } start && parent.Start <= start && seen.Add(child))
                    waiting.Enqueue((child, start));
            }
        }

        return found;
    }

    private static Win32Exception Failure()
    {
        var error = Marshal.GetLastPInvokeError();
        return new Win32Exception(error, $"The processes can't be listed (CreateToolhelp32Snapshot): {Marshal.GetPInvokeErrorMessage(error)}");
    }
}
