using System.Diagnostics;
using System.Globalization;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Security.Principal;

namespace Twins.Manager.Pool;

/// <summary>
/// Workers whose control endpoints are named pipes of this program's user, found by the pipes; those whose pipe is gone are found by
/// their program.
/// </summary>
/// <param name="prefix">Of the pipes' paths, <c>\\.\pipe\</c> included.</param>
/// <param name="program">Path of the twin program.</param>
internal sealed partial class PipeTwinWorkers(string prefix, string program) : TwinWorkers
{
    private const string Pipes = @"\\.\pipe\";
    private const int MostQueues = 2048;
    private const int FileNotFound = 2;

    /// <inheritdoc/>
    public override string ControlPathOf(int queue) => prefix + queue.ToString(CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override bool IsTaken(string controlPath) => IsThere(controlPath);

    /// <inheritdoc/>
    public override int? QueueOf(string controlPath) =>
        controlPath.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)
        && int.TryParse(controlPath.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var queue) ? queue : null;

    /// <inheritdoc/>
    /// <returns>Nothing: WinDivert has no queues with numbers.</returns>
    public override IReadOnlyList<string> ArgumentsFor(int queue) => [];

    /// <inheritdoc/>
    public override void Prepare()
    {
        // A pipe comes and goes with its worker.
    }

    /// <inheritdoc/>
    public override IReadOnlySet<string> FindControlPaths()
    {
        var workers = Running().Count;
        return Enumerable.Range(FirstQueue, MostQueues).Select(ControlPathOf).Where(IsThere).Take(workers).ToHashSet();
    }

    /// <inheritdoc/>
    public override Process Start(string program, IEnumerable<string> arguments) =>
        Process.Start(StartInfo(program, arguments, Environment.SystemDirectory)) ?? throw new InvalidOperationException($"The twin program '{program}' could not be started.");

    /// <inheritdoc/>
    public override async Task<Stream> ConnectAsync(string controlPath, CancellationToken cancellation)
    {
        // Of this user, or it isn't talked to: anybody may make a pipe of that name first. A twin has no use for who we are.
        var pipe = new NamedPipeClientStream(
            ".", controlPath[Pipes.Length..], PipeDirection.InOut, PipeOptions.Asynchronous | PipeOptions.CurrentUserOnly, TokenImpersonationLevel.Anonymous);
        try
        {
            await pipe.ConnectAsync(0, cancellation);
            return pipe;
        }
        catch (Exception e) when (e is TimeoutException or UnauthorizedAccessException)
        {
            await pipe.DisposeAsync();
            throw new IOException($"{controlPath}: {e.Message}", e);
        }
        catch
        {
            await pipe.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public override ValueTask WriteAsync(Stream stream, ReadOnlyMemory<byte> octets, int fileDescriptor) =>
        fileDescriptor < 0 ? stream.WriteAsync(octets) : throw new NotSupportedException("A pipe carries no descriptors.");

    /// <inheritdoc/>
    public override int End(string controlPath, int pid) => pid != 0 && TryEnd(pid) ? 1 : 0;

    /// <inheritdoc/>
    public override int EndOthers(IReadOnlySet<int> known) => Running().Except(known).Count(TryEnd);

    // Without connecting to it.
    private static bool IsThere(string path) => WaitNamedPipe(path, 1) || Marshal.GetLastPInvokeError() != FileNotFound;

    [LibraryImport("kernel32", EntryPoint = "WaitNamedPipeW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool WaitNamedPipe(string name, uint milliseconds);

    private List<int> Running()
    {
        var running = new List<int>();
        foreach (var process in Process.GetProcessesByName(Path.GetFileNameWithoutExtension(program)))
        {
            using (process)
            {
                if (IsOurs(process))
                    running.Add(process.Id);
            }
        }

        return running;
    }

    private bool TryEnd(int pid)
    {
        using var worker = TryOpen(pid);
        if (worker is null)
            return false;
        worker.Kill();
        return worker.WaitForExit(EndTime) ? true : throw NotEnding(pid);
    }

    // Null: it has ended, or is none of ours.
    private Process? TryOpen(int pid)
    {
        Process? process = null;
        try
        {
            process = Process.GetProcessById(pid);
            // What the handle holds can't become another process any more.
            _ = process.SafeHandle;
            if (IsOurs(process))
                return process;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // As if it were not there.
        }

        process?.Dispose();
        return null;
    }

    private bool IsOurs(Process process)
    {
        try
        {
            return string.Equals(process.MainModule?.FileName, program, StringComparison.OrdinalIgnoreCase);
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
