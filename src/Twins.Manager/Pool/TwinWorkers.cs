using System.Globalization;
using System.Text;
using Twins.Manager.Checkpoint;

namespace Twins.Manager.Pool;

/// <summary>
/// The worker processes themselves, found by their command lines: also those that nobody has a connection to, or remembers.
/// What counts as ours has our network namespace, whose queues it takes, or our mount namespace, in which its control
/// endpoint has its name: the workers of a lab on this machine have neither.
/// </summary>
internal static class TwinWorkers
{
    private const int SigKill = 9;
    private static readonly TimeSpan EndTime = TimeSpan.FromSeconds(5);

    /// <summary>The control endpoints in a directory that workers were started with, whether their sockets are there or not.</summary>
    public static IReadOnlySet<string> FindControlPaths(string directory) =>
        Pids().Select(ReadControlPath).Where(path => Path.GetDirectoryName(path) == directory).Select(path => path!).ToHashSet();

    /// <summary>Ends the workers of a control endpoint and waits until they have: then their queue is free.</summary>
    /// <returns>How many there were.</returns>
    /// <exception cref="InvalidOperationException">One doesn't end.</exception>
    public static int End(string controlPath)
    {
        var ended = 0;
        foreach (var pid in Pids().Where(pid => ReadControlPath(pid) == controlPath))
        {
            using var worker = ProcessHandle.TryOpen(pid);

            // Read again: what the handle holds can't become another process any more.
            if (worker is null || ReadControlPath(pid) != controlPath)
                continue;
            worker.Signal(SigKill);
            if (!worker.WaitForExit(EndTime))
                throw new InvalidOperationException($"Twin {pid} doesn't end within {EndTime.TotalSeconds:0} s, so its place can't be filled.");
            ended++;
        }

        return ended;
    }

    /// <summary>All processes that this one sees.</summary>
    public static IEnumerable<int> Pids() => Directory.EnumerateDirectories("/proc")
        .Select(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
        .Where(pid => pid > 0);

    /// <summary>Null: it is no worker of ours.</summary>
    private static string? ReadControlPath(int pid)
    {
        try
        {
            var folder = "/proc/" + pid.ToString(CultureInfo.InvariantCulture);
            var arguments = Encoding.UTF8.GetString(File.ReadAllBytes(folder + "/cmdline")).Split('\0');
            return arguments is [_, "--control", var path, "--queue", ..] && (SharesWithUs(folder, "net") || SharesWithUs(folder, "mnt")) ? path : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It ended while we looked.
            return null;
        }
    }

    /// <summary>Whether a process has our namespace of a kind.</summary>
    /// <param name="folder">Its directory in /proc.</param>
    /// <param name="kind">As in /proc/PID/ns.</param>
    public static bool SharesWithUs(string folder, string kind) =>
        new FileInfo($"{folder}/ns/{kind}").LinkTarget is { } theirs && theirs == new FileInfo($"/proc/self/ns/{kind}").LinkTarget;
}
