using System.Collections.Concurrent;
using System.Diagnostics;
using Twins.Diversion;
using Twins.Diversion.Linux;
using Twins.Manager.Processes;
using Twins.Protocol.Criu;

namespace Twins.Manager.Checkpoint;

/// <summary>
/// CRIU as the migrator, by its RPC protocol over <c>criu swrk</c>. CRIU's network lock is off: the
/// caller holds what comes in and drops what goes out while the process is frozen. The restored root is
/// made a child of this program (rst_sibling), so that its end and its exit code are seen and no zombie
/// depends on what init does; if this program dies first, init inherits it. Files that were unlinked
/// but have other names (link-remap) are refused: the name would be missing on the other machine.
/// </summary>
public sealed class CriuCheckpointer : ICheckpointer, IAsyncDisposable
{
    internal const string DumpLog = "dump.log";
    private const string RestoreLog = "restore.log";
    private const int WarningsOnly = 2;

    private readonly string _criu;
    private readonly ConcurrentDictionary<string, CriuWorker> _prepared = new();

    /// <summary>Uses the criu at this path. Whether it is there and works is found out when it is used, or by <see cref="CriuProbe"/>.</summary>
    public CriuCheckpointer(string criuPath) => _criu = criuPath;

    /// <summary>Where criu is looked for: the setting, else <c>build/criu/criu</c> below TWINS_HOME, else the PATH.</summary>
    public static string Locate(string? setting)
    {
        if (!string.IsNullOrEmpty(setting))
            return setting;
        var candidates = new List<string>();
        if (Environment.GetEnvironmentVariable("TWINS_HOME") is { Length: > 0 } home)
            candidates.Add(Path.Combine(home, "build/criu/criu"));
        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        candidates.AddRange((path + ":/usr/sbin:/usr/local/sbin").Split(':', StringSplitOptions.RemoveEmptyEntries).Select(d => Path.Combine(d, "criu")));
        return candidates.Find(File.Exists) ?? candidates[0];
    }

    /// <inheritdoc/>
    public void Prepare(string? networkNamespacePath)
    {
        try
        {
            var key = KeyOf(networkNamespacePath);
            if (_prepared.TryGetValue(key, out var existing))
            {
                if (existing.IsAlive)
                    return;
                if (_prepared.TryRemove(KeyValuePair.Create(key, existing)))
                    _ = existing.DisposeAsync().AsTask();
            }

            var worker = CriuWorker.Start(_criu, networkNamespacePath, "checkpoint");
            if (!_prepared.TryAdd(key, worker))
                _ = worker.DisposeAsync().AsTask();
        }
        catch (Exception e) when (e is CheckpointException or DiversionException or System.ComponentModel.Win32Exception or IOException)
        {
            // The dump or the restore will say it.
        }
    }

    /// <inheritdoc cref="BeginDumpAsync(int, string, string?, Action, CancellationToken)"/>
    public Task<IFrozenProcess> BeginDumpAsync(int pid, string imagesDirectory, string? networkNamespacePath, CancellationToken cancellationToken) =>
        BeginDumpAsync(pid, imagesDirectory, networkNamespacePath, static () => { }, cancellationToken);

    /// <inheritdoc/>
    public async Task<IFrozenProcess> BeginDumpAsync(
        int pid, string imagesDirectory, string? networkNamespacePath, Action onFrozen, CancellationToken cancellationToken)
    {
        if (!Directory.Exists($"/proc/{pid}"))
            throw new CheckpointException("checkpoint", CheckpointCode.ProcessMissing, $"Process {pid} has ended; there is nothing to move. Start it again.");
        // One that is to be read in the stream makes CRIU fail without saying why.
        UrgentData.ThrowIfAny(ProcessTree.ReadPids(pid), areFrozen: false);
        var options = Options(imagesDirectory, DumpLog);
        options.Pid = pid;
        var logPath = Path.Combine(imagesDirectory, DumpLog);
        var frozenSince = 0L;
        Action? look = onFrozen;
        var worker = Take(networkNamespacePath, "checkpoint");
        CriuFrozenProcess frozen;
        try
        {
            await RunUntilAsync(worker, CriuRequestType.Dump, options, "post-dump", logPath, script =>
            {
                if (script == "pre-dump")
                {
                    frozenSince = Stopwatch.GetTimestamp();
                    return;
                }

                // The next one is query-ext-files: it comes when all processes have been seized, and before anything of them is dumped.
                look?.Invoke();
                look = null;
            }, cancellationToken).ConfigureAwait(false);
            frozen = new CriuFrozenProcess(worker, CriuImages.ReadPids(imagesDirectory), frozenSince);
        }
        catch
        {
            var tree = ProcessTree.ReadPids(pid);
            await worker.DisposeAsync().ConfigureAwait(false);
            SocketRepair.TurnOff(tree);
            throw;
        }

        try
        {
            UrgentData.ThrowIfAny(frozen.Pids, areFrozen: true);
            SocketOptionFile.Save(frozen.Pids, networkNamespacePath, imagesDirectory);
            PeersEnd.KeepWindow(frozen.Pids, imagesDirectory);
            return frozen;
        }
        catch
        {
            await frozen.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<IPendingRestore> BeginRestoreAsync(string imagesDirectory, string? networkNamespacePath, CancellationToken cancellationToken)
    {
        var pids = CriuImages.ReadPids(imagesDirectory);
        var taken = CriuImages.ReadTaskIds(imagesDirectory).FirstOrDefault(id => Directory.Exists($"/proc/{id}"));
        if (taken != 0)
            throw new CheckpointException("restore", CheckpointCode.PidTaken, $"Process number {taken} is in use on this machine ({Describe(taken)}). Wait for that process to end, or move to another node.");
        var options = Options(imagesDirectory, RestoreLog);
        options.RstSibling = true;
        var logPath = Path.Combine(imagesDirectory, RestoreLog);
        var worker = Take(networkNamespacePath, "restore");
        try
        {
            await RunUntilAsync(worker, CriuRequestType.Restore, options, "post-restore", logPath, _ => { }, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            worker.Kill();
            await worker.DisposeAsync().ConfigureAwait(false);
            DestroyRemains(pids);
            throw;
        }

        var restored = new CriuPendingRestore(worker, pids, logPath);
        try
        {
            SocketOptionFile.Apply(pids, imagesDirectory);
        }
        catch
        {
            await restored.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        SegmentSize.Resync(pids);
        return restored;
    }

    /// <summary>The version of criu.</summary>
    /// <exception cref="CheckpointException">There is no criu, or it can't be started here.</exception>
    public async Task<Version> GetVersionAsync(CancellationToken cancellationToken)
    {
        await using var worker = CriuWorker.Start(_criu, null, "preflight");
        try
        {
            await worker.SendAsync(new CriuRequest { Type = CriuRequestType.Version }, cancellationToken).ConfigureAwait(false);
            if (await worker.ReceiveAsync(cancellationToken).ConfigureAwait(false) is { Success: true, Version: { } version })
                return new Version(version.MajorNumber, version.MinorNumber, version.Sublevel);
        }
        catch (System.Net.Sockets.SocketException)
        {
            // It ended at once: told below.
        }

        throw new CheckpointException("preflight", CheckpointCode.CriuDied, $"{_criu} ended without telling its version. Run `{_criu} --version` to see why.");
    }

    /// <summary>Ends the workers that were prepared and not used.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var key in _prepared.Keys)
        {
            if (_prepared.TryRemove(key, out var worker))
                await worker.DisposeAsync().ConfigureAwait(false);
        }
    }

    internal static CriuRequest Acknowledge(bool success) => new() { Type = CriuRequestType.Notify, NotifySuccess = success };

    private static CriuOptions Options(string imagesDirectory, string log) => new()
    {
        ImagesDirFd = -1,
        ImagesDir = imagesDirectory,
        TcpEstablished = true,
        NetworkLock = CriuNetworkLock.NetworkLockSkip,
        // Its control group is its first node's: a session there, another one's here (docs/decisions/0041).
        ManageCgroupsMode = CriuCgroupMode.Ignore,
        FileLocks = true,
        NotifyScripts = true,
        LogLevel = WarningsOnly,
        LogFile = log,
    };

    private static async Task RunUntilAsync(
        CriuWorker worker, CriuRequestType type, CriuOptions options, string script, string logPath, Action<string> onScript, CancellationToken cancellationToken)
    {
        var phase = type == CriuRequestType.Dump ? "checkpoint" : "restore";
        try
        {
            await worker.SendAsync(new CriuRequest { Type = type, Opts = options }, cancellationToken).ConfigureAwait(false);
            while (await worker.ReceiveAsync(cancellationToken).ConfigureAwait(false) is { } message)
            {
                if (message.Type != CriuRequestType.Notify)
                {
                    var (code, text) = CriuLog.Explain(logPath, message.CrErrmsg);
                    throw new CheckpointException(phase, code, text, logPath);
                }

                onScript(message.Notify.Script);
                if (message.Notify.Script == script)
                    return;
                await worker.SendAsync(Acknowledge(true), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (System.Net.Sockets.SocketException)
        {
            // Told below.
        }

        throw new CheckpointException(phase, CheckpointCode.CriuDied, "CRIU ended in the middle of its work, without a word: mostly somebody killed it. Look for an out-of-memory kill in the kernel's log (dmesg), then try again.", logPath);
    }

    /// <summary>Ends the worker that waits in a network namespace which is about to be removed: it would keep the namespace.</summary>
    public void Discard(string? networkNamespacePath)
    {
        if ((networkNamespacePath is null || File.Exists(networkNamespacePath)) && _prepared.TryRemove(KeyOf(networkNamespacePath), out var worker))
            _ = worker.DisposeAsync().AsTask();
    }

    /// <summary>Which namespace it is: a path may be that of another one by the time the worker is used.</summary>
    private static string KeyOf(string? networkNamespacePath) => networkNamespacePath is null
        ? ""
        : NetworkNamespace.Run(networkNamespacePath, () => File.ResolveLinkTarget("/proc/thread-self/ns/net", returnFinalTarget: false)?.Name ?? networkNamespacePath);

    private CriuWorker Take(string? networkNamespacePath, string phase)
    {
        if (_prepared.TryRemove(KeyOf(networkNamespacePath), out var worker))
        {
            if (worker.IsAlive)
                return worker;
            _ = worker.DisposeAsync().AsTask();
        }

        return CriuWorker.Start(_criu, networkNamespacePath, phase);
    }

    // Only our own children can be remains: the numbers were free before.
    private static void DestroyRemains(IReadOnlyList<int> pids)
    {
        if (pids.Count == 0 || !ProcessStat.TryRead(pids[0], out var stat) || stat.ParentPid != Environment.ProcessId)
            return;
        using var guard = FreezeGuard.Set(ProcessTree.ReadPids(pids[0]));
        guard.Destroy();
    }

    private static string Describe(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").Trim();
        }
        catch (IOException)
        {
            return "gone meanwhile";
        }
    }
}
