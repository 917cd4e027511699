using System.Text.RegularExpressions;

namespace Twins.Manager.Checkpoint;

/// <summary>Turns the end of a criu log into a code and words that a person can act on.</summary>
internal static partial class CriuLog
{
    private const int TailBytes = 256 * 1024;

    // The first rule that matches any error line wins: causes before consequences.
    private static readonly (Regex Pattern, string Code, string Message)[] s_rules =
    [
        (InFlight(), CheckpointCode.InFlightConnections, "A listening socket has connections that the program hasn't accepted yet. Let it accept them, then try again when it is less busy."),
        (NoSpace(), CheckpointCode.DiskFull, "There is no room for the images in {2}. Free space there, or set imageDirectory elsewhere; they need about twice the memory of the process on their way."),
        (PidExists(), CheckpointCode.PidTaken, "Process number {0} is in use on this machine. Wait for that process to end, or move to another node."),
        (Differs(), CheckpointCode.FileDiffers, "The file {0} is different on this machine: {1}. Install the same version on both nodes."),
        (MissingFile(), CheckpointCode.FileMissing, "The file {0} is not on this machine. Put the same file there."),
        (AddressGone(), CheckpointCode.AddressUnavailable, "An address or port of the process can't be had on this machine: {0}. End the program that has the port ('ss -tanp' shows it), or give the address back to the machine, then try again."),
        (Terminal(), CheckpointCode.TerminalAttached, "The process belongs to a terminal or to a session that started outside of it. Start it with `twins run`, or with setsid and its input and output in files."),
        (Traced(), CheckpointCode.Traced, "Another program traces the process (a debugger or strace). End that first."),
        (NoTask(), CheckpointCode.ProcessMissing, "The process has ended; there is nothing to move. Start it again."),
        (LinkRemap(), CheckpointCode.UnsupportedFile, "The file {0} was removed while the process has it open, and lives on under another name, which another machine can't know. Put it back under its name, or let the program close it."),
        (Unsupported(), CheckpointCode.UnsupportedFile, "The process has something open that can't be moved: {0}. Let the program close it, then try again."),
    ];

    /// <summary>Reads the log's end and says what went wrong. A log that can't be read gives <see cref="CheckpointCode.CriuFailed"/>.</summary>
    public static (string Code, string Message) Explain(string logPath, string? firstError)
    {
        var errors = ReadTail(logPath).Where(line => ErrorLine().IsMatch(line)).Select(line => ErrorLine().Replace(line, ""))
            // Said on every run without CAP_SYS_RESOURCE, also on good ones.
            .Where(line => !line.StartsWith("rlimit: Can't setup", StringComparison.Ordinal))
            .ToList();
        var isDump = Path.GetFileName(logPath) == CriuCheckpointer.DumpLog;
        foreach (var (pattern, code, message) in s_rules)
        {
            // A restore looks for processes too, and the original is there all the time.
            if (code == CheckpointCode.ProcessMissing && !isDump)
                continue;
            foreach (var line in errors)
            {
                var match = pattern.Match(line);
                if (!match.Success)
                    continue;
                // CRIU opens files relative to the root and says them so.
                var first = match.Groups[1].Value;
                if (code is CheckpointCode.FileDiffers or CheckpointCode.FileMissing && !first.StartsWith('/'))
                    first = "/" + first;
                return (code, string.Format(null, message, first, match.Groups[2].Value, Path.GetDirectoryName(Path.GetDirectoryName(logPath))));
            }
        }

        var cause = errors.Count > 0 ? string.Join("; ", errors.Take(3)) : firstError ?? "it left no error message";
        return (CheckpointCode.CriuFailed, $"CRIU failed: {cause.TrimEnd('.')}. Try again; if it stays, 'twins doctor' tells whether CRIU works here at all. If it does, the process has something that this CRIU can't carry: let the program close what these words name.");
    }

    private static List<string> ReadTail(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (stream.Length > TailBytes)
                stream.Seek(-TailBytes, SeekOrigin.End);
            using var reader = new StreamReader(stream);
            return [.. reader.ReadToEnd().Split('\n')];
        }
        catch (IOException)
        {
            return [];
        }
    }

    // "(00.123456)   4711: Error (criu/util.c:1534): what happened"; the time is left out at low log levels.
    [GeneratedRegex(@"^(?:\([0-9. ]+\))?\s*(?:\d+: )?Error \([^)]*\): ")]
    private static partial Regex ErrorLine();

    [GeneratedRegex("[Ii]n-flight connection")]
    private static partial Regex InFlight();

    [GeneratedRegex("No space left on device|Disk quota exceeded|short write|ENOSPC")]
    private static partial Regex NoSpace();

    [GeneratedRegex(@"(?:Can't fork for (?=\d+: File exists)|Pid \d+ do(?:es)? not match expected )(\d+)")]
    private static partial Regex PidExists();

    [GeneratedRegex(@"File (\S+) has (bad (?:size|mode|build-ID).*)")]
    private static partial Regex Differs();

    [GeneratedRegex(@"(?:Can't|Unable to) open (?:file )?(\S+?)(?: on restore)?: No such file or directory")]
    private static partial Regex MissingFile();

    [GeneratedRegex(@"(Can't (?:bind|connect) inet socket.*|Can't bind.*|.*Cannot assign requested address.*|.*Address already in use.*)")]
    private static partial Regex AddressGone();

    [GeneratedRegex(@"--shell-job|session leader|A session leader|Can't (?:dump|restore) .*tty|tty: .*(?:orphan|hangup)|controlling terminal")]
    private static partial Regex Terminal();

    [GeneratedRegex("is already traced|is being traced|Unable to ptrace|Unseizable")]
    private static partial Regex Traced();

    [GeneratedRegex(@"No such process|Unable to open /proc/\d+|Can't open /proc/\d+")]
    private static partial Regex NoTask();

    [GeneratedRegex(@"Can't create link[- ]remap for (\S+?)\.? ")]
    private static partial Regex LinkRemap();

    [GeneratedRegex(@"(Can't lookup mount.*|Can't dump .*|Unsupported .*|unsupported .*|.*not supported.*|.*External socket.*|.*external stream.*|.*nsid.*|.*io_uring.*)")]
    private static partial Regex Unsupported();
}
