using System.Collections.Concurrent;
using System.Net.Sockets;
using Twins.Diversion.Linux;
using Twins.Manager.Checkpoint;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Manager.Settings;
using Twins.Manager.Tests.Checkpoint;
using Twins.Manager.Tests.Cluster;
using Twins.Protocol;
using Microsoft.Extensions.Logging;

namespace Twins.Manager.Tests.Pool;

/// <summary>A pool with real twins, which take their queues in a network namespace of their own.</summary>
internal sealed class PoolFixture : IAsyncDisposable
{
    private const int SigKill = 9;
    private readonly string _folder = Directory.CreateTempSubdirectory("twins-pool-").FullName;
    private readonly LoggerFactory _logging = new();
    private readonly ConcurrentDictionary<int, ProcessHandle> _workers = new();
    private readonly List<TwinPool> _pools = [];

    public PoolFixture(int readyTwins = 1, int processesPerTwin = 8)
    {
        NetworkNamespace.Create(Namespace);

        // Written by another program: an open descriptor of ours, inherited by what another test starts just then, would be in the way.
        var script = $"#!/bin/sh\\nexec nsenter --net={Namespace} {Program()} \"$@\"\\n";
        Shell.Run(null, $"printf '{script}' >{_folder}/twin; chmod 755 {_folder}/twin");
        _logging.AddProvider(Log);
        Options = new TwinsdOptions
        {
            RunDirectory = _folder,
            StateDirectory = _folder,
            TwinPath = _folder + "/twin",
            ReadyTwins = readyTwins,
            ProcessesPerTwin = processesPerTwin,
        };
    }

    public TwinsdOptions Options { get; }

    public LogLines Log { get; } = new();

    /// <summary>Twins whose knowledge was lost, in order.</summary>
    public ConcurrentQueue<Twin> Replaced { get; } = new();

    private string Namespace => _folder + "/net";

    /// <summary>A twinsd's pool; started once more, it is the one after a restart.</summary>
    public async Task<TwinPool> StartAsync()
    {
        foreach (var earlier in _pools)
            await earlier.StopAsync(CancellationToken.None);
        var pool = new TwinPool(Options, new TwinPaths(Options), new UnixTwinWorkers(Options.TwinSocketDirectory), new Logger<TwinPool>(_logging));
        pool.Replaced += twin =>
        {
            Replaced.Enqueue(twin);
            return Task.CompletedTask;
        };
        _pools.Add(pool);
        await pool.StartAsync(CancellationToken.None);
        foreach (var twin in pool.Twins)
            Worker(twin);
        return pool;
    }

    /// <summary>The worker that fills the place now.</summary>
    public ProcessHandle Worker(Twin twin) => _workers.GetOrAdd(twin.Pid, pid => ProcessHandle.TryOpen(pid)!);

    /// <summary>Ends all connections to a worker as a fault would, seen by both ends; it goes on listening.</summary>
    public void Cut(Twin twin)
    {
        var worker = Worker(twin);
        foreach (var entry in Directory.GetFiles($"/proc/{worker.Pid}/fd"))
        {
            if (new FileInfo(entry).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) is not true
                || worker.TryDuplicate(int.Parse(Path.GetFileName(entry), System.Globalization.CultureInfo.InvariantCulture)) is not { } copy)
            {
                continue;
            }

            using var socket = new Socket(new SafeSocketHandle(copy.DangerousGetHandle(), ownsHandle: true));
            copy.SetHandleAsInvalid();
            if (socket is { AddressFamily: AddressFamily.Unix, Connected: true })
                socket.Shutdown(SocketShutdown.Both);
        }
    }

    /// <summary>A worker that no pool has started, on a queue.</summary>
    public async Task<ProcessHandle> StartRivalAsync(int queue)
    {
        var path = _folder + "/rival.sock";
        using var started = System.Diagnostics.Process.Start(
            Options.TwinPath, ["--control", path, "--queue", queue.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        var rival = ProcessHandle.TryOpen(started.Id)!;
        while (!File.Exists(path) && !rival.WaitForExit(TimeSpan.Zero))
            await Task.Delay(10);
        return rival;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var pool in _pools)
        {
            await pool.StopAsync(CancellationToken.None);
            pool.Twins.ToList().ForEach(twin => Worker(twin));
            pool.Dispose();
        }

        foreach (var worker in _workers.Values.Where(worker => worker is not null))
        {
            worker.Signal(SigKill);
            worker.WaitForExit(TimeSpan.FromSeconds(5));
            worker.Dispose();
        }

        _logging.Dispose();
        NetworkNamespace.Remove(Namespace);
        Directory.Delete(_folder, recursive: true);
    }

    private static string Program()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "build/twin/twin");
            if (File.Exists(candidate))
                return candidate;
        }

        throw new InvalidOperationException("build/twin/twin isn't there: scripts/build.sh twin");
    }
}
