using System.Globalization;
using Twins.Cli.Native;

namespace Twins.Cli.Processes;

/// <summary>A process that can't be mistaken for a later one of the same number.</summary>
/// <param name="Pid">Its number on this machine.</param>
/// <param name="StartTime">Clock ticks after boot (proc(5), field 22 of /proc/PID/stat).</param>
internal readonly record struct ProcessIdentity(int Pid, ulong StartTime)
{
    /// <summary>True while it runs; a zombie doesn't.</summary>
    public bool IsAlive => ReadStat(Pid) is { } stat && stat.Identity == this && stat.State is not ('Z' or 'X');

    /// <summary>True if it does nothing any more: stopped or ended.</summary>
    public bool IsStill => ReadStat(Pid) is not { } stat || stat.Identity != this || stat.State is 'T' or 't' or 'Z' or 'X';

    /// <summary>Who has this number now; null if nobody.</summary>
    public static ProcessIdentity? Of(int pid) => ReadStat(pid)?.Identity;

    /// <summary>The first child, null if it has none.</summary>
    public ProcessIdentity? FirstChild()
    {
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out int pid) &&
                ReadStat(pid) is { } stat && stat.Parent == Pid)
            {
                return stat.Identity;
            }
        }
        return null;
    }

    /// <summary>SIGSTOP, if it is still the same process.</summary>
    public void Stop()
    {
        if (IsAlive)
            _ = LibC.Kill(Pid, LibC.SigStop);
    }

    /// <summary>SIGKILL, if it is still the same process.</summary>
    public void Kill()
    {
        if (IsAlive)
            _ = LibC.Kill(Pid, LibC.SigKill);
    }

    /// <summary>The identity in the text of a /proc/PID/stat; null if it isn't one.</summary>
    public static ProcessIdentity? Parse(string stat) => ParseStat(stat)?.Identity;

    private static Stat? ReadStat(int pid)
    {
        try
        {
            return ParseStat(File.ReadAllText($"/proc/{pid}/stat"));
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static Stat? ParseStat(string text)
    {
        // The name, in parentheses, may itself hold spaces and parentheses.
        int nameEnd = text.LastIndexOf(')');
        int nameStart = text.IndexOf('(', StringComparison.Ordinal);
        if (nameStart < 1 || nameEnd < nameStart)
            return null;
        string[] fields = text[(nameEnd + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length >= 20 &&
            int.TryParse(text[..nameStart].Trim(), CultureInfo.InvariantCulture, out int pid) &&
            int.TryParse(fields[1], CultureInfo.InvariantCulture, out int parent) &&
            ulong.TryParse(fields[19], CultureInfo.InvariantCulture, out ulong start)
            ? new Stat(new ProcessIdentity(pid, start), fields[0][0], parent) : null;
    }

    private sealed record Stat(ProcessIdentity Identity, char State, int Parent);
}
