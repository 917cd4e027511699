using System.Globalization;

namespace Twins.Manager.Processes;

/// <summary>The fields of /proc/PID/stat (proc(5)) that Twins looks at.</summary>
internal readonly record struct ProcessStat(string CommandName, char State, int ParentPid, int ProcessGroup, int Session, uint Flags, ulong StartTimeTicks)
{
    // PF_EXITING (include/linux/sched.h): set before the process lets go of its memory and descriptors.
    private const uint Exiting = 0x4;

    /// <summary>Whether the process has ended, or is about to: what it has open may be gone in part.</summary>
    public bool IsEnding => State is 'Z' or 'X' || (Flags & Exiting) != 0;

    /// <summary>Reads the file of a process; false when there is none any more.</summary>
    public static bool TryRead(int pid, out ProcessStat stat)
    {
        stat = default;
        return ProcFile.TryReadText(FormattableString.Invariant($"/proc/{pid}/stat"), out var text) && TryParse(text, out stat);
    }

    /// <summary>The name stands in parentheses and may itself contain any, also a closing one: the last one counts.</summary>
    public static bool TryParse(string text, out ProcessStat stat)
    {
        stat = default;
        var open = text.IndexOf('(', StringComparison.Ordinal);
        var close = text.LastIndexOf(')');
        if (open < 0 || close < open)
            return false;
        var fields = text[(close + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        const int FirstNumber = 3; // fields[0] is field 3 of the manual page
        if (fields.Length <= 22 - FirstNumber || fields[0].Length != 1
            || !int.TryParse(fields[4 - FirstNumber], CultureInfo.InvariantCulture, out var parent)
            || !int.TryParse(fields[5 - FirstNumber], CultureInfo.InvariantCulture, out var group)
            || !int.TryParse(fields[6 - FirstNumber], CultureInfo.InvariantCulture, out var session)
            || !uint.TryParse(fields[9 - FirstNumber], CultureInfo.InvariantCulture, out var flags)
            || !ulong.TryParse(fields[22 - FirstNumber], CultureInfo.InvariantCulture, out var start))
        {
            return false;
        }

        stat = new ProcessStat(text[(open + 1)..close], fields[0][0], parent, group, session, flags, start);
        return true;
    }
}
