using System.Net.Sockets;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Microsoft.Win32.SafeHandles;
using Twins.Diversion.Linux;
using Twins.Protocol.Criu;

namespace Twins.Manager.Checkpoint;

/// <summary>One <c>criu swrk</c> process and the message socket to it: one request each. Ends with this program.</summary>
internal sealed partial class CriuWorker : IAsyncDisposable
{
    private const int UnixFamily = 1;
    private const int SequencedPackets = 5;
    private const int CloseOnExec = 0x80000;
    private const int KillSignal = 9;
    private const int FileMissing = 2;

    // CRIU's own limit for a message (cr-service.h: CR_MAX_MSG_SIZE).
    private const int LargestMessageBytes = 1024;

    private readonly Socket _socket;
    private readonly ProcessHandle _process;
    private readonly CancellationTokenSource _end = new();
    private readonly ProcessWatch _watch;
    private readonly byte[] _buffer = new byte[64 * LargestMessageBytes];
    private volatile bool _hasSpoken;

    private CriuWorker(Socket socket, ProcessHandle process)
    {
        _socket = socket;
        _process = process;
        _watch = ProcessWatch.Start(process.Pid, OnEnd);
    }

    public int Pid => _process.Pid;

    public bool IsAlive => !_process.WaitForExit(TimeSpan.Zero);

    /// <summary>Starts criu inside a network namespace and in this program's own mount and PID namespace.</summary>
    public static CriuWorker Start(string criu, string? networkNamespacePath, string phase)
    {
        Span<int> ends = stackalloc int[2];
        if (SocketPair(UnixFamily, SequencedPackets | CloseOnExec, 0, ref ends[0]) != 0)
            throw new CheckpointException(phase, CheckpointCode.CriuFailed, $"{criu} can't be started, for want of a socket: {Marshal.GetLastPInvokeErrorMessage()}. 'twins doctor' tells what this machine lacks.");
        using var theirs = new SafeFileHandle(ends[1], ownsHandle: true);
        var socket = new Socket(new SafeSocketHandle(ends[0], ownsHandle: true));
        try
        {
            var descriptor = ends[1];
            if (networkNamespacePath is null)
                NetworkNamespace.ComeBack();
            var (pid, error) = NetworkNamespace.Run(networkNamespacePath, () => CriuSpawn.Start(criu, descriptor));
            if (error != 0)
            {
                throw error == FileMissing
                    ? new CheckpointException(phase, CheckpointCode.CriuMissing, $"There is no criu at {criu}. scripts/bootstrap.sh gets one, or set criuPath to where it is.")
                    : new CheckpointException(phase, CheckpointCode.CriuFailed, $"{criu} can't be started: {Marshal.GetPInvokeErrorMessage(error)}. scripts/bootstrap.sh gets one that works.");
            }

            // As PID 1 this program's runtime takes the exit status of every child, so one that ended at once may be gone.
            return new CriuWorker(socket, ProcessHandle.TryOpen(pid)
                ?? throw new CheckpointException(phase, CheckpointCode.CriuFailed, $"{criu} ended as soon as it was started."));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async Task SendAsync(CriuRequest request, CancellationToken cancellationToken) =>
        await _socket.SendAsync(request.ToByteArray(), SocketFlags.None, cancellationToken).ConfigureAwait(false);

    /// <summary>The next message; <see langword="null"/> when criu has ended.</summary>
    public async Task<CriuResponse?> ReceiveAsync(CancellationToken cancellationToken)
    {
        try
        {
            // Its socket alone doesn't tell its end: what it was about to restore has a copy.
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _end.Token);
            var length = _end.IsCancellationRequested ? Unread() : await _socket.ReceiveAsync(_buffer, SocketFlags.None, either.Token).ConfigureAwait(false);
            return Parse(length);
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            return Parse(Unread());
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>Kills criu and waits until it traces nothing any more.</summary>
    public void Kill()
    {
        _process.Signal(KillSignal);
        _process.WaitForExit(TimeSpan.FromSeconds(5));
    }

    /// <summary>Completes when criu has ended.</summary>
    public Task WatchAsync() => _watch.Exited;

    public async ValueTask DisposeAsync()
    {
        // Without its socket criu ends by itself; killed only if it is stuck.
        _socket.Dispose();
        await Task.Run(() =>
        {
            if (!_process.WaitForExit(TimeSpan.FromSeconds(5)))
                Kill();
            _process.Dispose();
        }).ConfigureAwait(false);
    }

    private CriuResponse? Parse(int length)
    {
        _hasSpoken = true;
        return length == 0 ? null : CriuResponse.Parser.ParseFrom(_buffer.AsSpan(0, length));
    }

    /// <summary>Reads a last message of a criu that has ended; 0 if there is none.</summary>
    private int Unread() => _socket.Available > 0 ? _socket.Receive(_buffer) : 0;

    /// <summary>
    /// Before its first message criu tries out ptrace(2) on a child that sleeps for ever (kerndat.c: fork_and_ptrace_attach), which
    /// nobody but criu would end. Later ones end without it, or are what it restores and somebody else's to decide about.
    /// </summary>
    private void OnEnd()
    {
        if (!_hasSpoken)
            _ = SignalProcess(-Pid, KillSignal);
        _ = _end.CancelAsync();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SignalProcess(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int domain, int type, int protocol, ref int ends);
}
