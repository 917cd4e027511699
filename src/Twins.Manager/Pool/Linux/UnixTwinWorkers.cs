using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Twins.Diversion.Linux;
using Twins.Manager.Checkpoint;

namespace Twins.Manager.Pool;

/// <summary>
/// Workers whose control endpoints are Unix sockets in a directory, found by their command lines. What counts as ours has our network
/// namespace, whose queues it takes, or our mount namespace, in which its control endpoint has its name: the workers of a lab on this
/// machine have neither.
/// </summary>
internal sealed class UnixTwinWorkers(string directory) : TwinWorkers
{
    private const int SigKill = 9;
    private const string Extension = ".sock";

    /// <inheritdoc/>
    public override string ControlPathOf(int queue) => Path.Combine(directory, queue.ToString(CultureInfo.InvariantCulture) + Extension);

    /// <inheritdoc/>
    public override int? QueueOf(string controlPath) =>
        int.TryParse(Path.GetFileNameWithoutExtension(controlPath), NumberStyles.None, CultureInfo.InvariantCulture, out var queue) ? queue : null;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ArgumentsFor(int queue) => ["--queue", queue.ToString(CultureInfo.InvariantCulture)];

    /// <inheritdoc/>
    public override void Prepare()
    {
        Directory.CreateDirectory(directory);
        File.SetUnixFileMode(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>The control endpoints that workers were started with, whether their sockets are there or not, and sockets that are there.</summary>
    public override IReadOnlySet<string> FindControlPaths() => Directory.GetFiles(directory, "*" + Extension).Union(FindRunning(directory)).ToHashSet();

    /// <summary>The control endpoints in a directory that workers were started with, whether their sockets are there or not.</summary>
    public static IReadOnlySet<string> FindRunning(string directory) =>
        Pids().Select(ReadControlPath).Where(path => Path.GetDirectoryName(path) == directory).Select(path => path!).ToHashSet();

    /// <inheritdoc/>
    public override Process Start(string program, IEnumerable<string> arguments)
    {
        NetworkNamespace.ComeBack();
        return Process.Start(StartInfo(program, arguments, "/")) ?? throw new InvalidOperationException($"The twin program '{program}' could not be started.");
    }

    /// <inheritdoc/>
    public override async Task<Stream> ConnectAsync(string controlPath, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(controlPath), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new IOException($"{controlPath}: {e.Message}", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(Stream stream, ReadOnlyMemory<byte> octets, int fileDescriptor)
    {
        if (fileDescriptor >= 0)
        {
            // The descriptor travels with the first octet; the rest follows it.
            UnixSockets.Send(((NetworkStream)stream).Socket, octets.Span[..1], [fileDescriptor]);
            octets = octets[1..];
        }

        await stream.WriteAsync(octets);
    }

    /// <inheritdoc/>
    public override int End(string controlPath, int pid)
    {
        var ended = EndRunning(controlPath);
        File.Delete(controlPath);
        return ended;
    }

    /// <summary>Ends the workers of a control endpoint and waits until they have.</summary>
    /// <returns>How many there were.</returns>
    /// <exception cref="InvalidOperationException">One doesn't end.</exception>
    public static int EndRunning(string controlPath)
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
                throw NotEnding(pid);
            ended++;
        }

        return ended;
    }

    /// <summary>All processes that this one sees.</summary>
    public static IEnumerable<int> Pids() => Directory.EnumerateDirectories("/proc")
        .Select(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
        .Where(pid => pid > 0);

    /// <summary>Whether a process has our namespace of a kind.</summary>
    /// <param name="folder">Its directory in /proc.</param>
    /// <param name="kind">As in /proc/PID/ns.</param>
    public static bool SharesWithUs(string folder, string kind) =>
        new FileInfo($"{folder}/ns/{kind}").LinkTarget is { } theirs && theirs == new FileInfo($"/proc/self/ns/{kind}").LinkTarget;

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
}
