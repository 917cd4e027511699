using Twins.Manager.Cluster;
using Twins.Manager.Checkpoint;
using Twins.Manager.Host;
using Twins.Manager.Nodes;
using Twins.Manager.Processes;
using Twins.Manager.Settings;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Migration;

/// <summary>What the destination can know to fail, before anything changes anywhere.</summary>
internal sealed class ArrivalChecks(TwinsdOptions options, NodeCluster identity, ITableStore table, GuestPlaces places, CheckpointReadiness readiness)
{
    /// <exception cref="NodeException">The first thing that stands in the way, with its remedy.</exception>
    public async Task CheckAsync(PrepareRequest request, CancellationToken cancellation)
    {
        var process = request.Process;
        if (process is null || process.ProcessId.Length == 0 || request.MigrationId.Length == 0
            || request.MigrationId.AsSpan().ContainsAnyExcept(Identifier) || process.ProcessId.AsSpan().ContainsAnyExcept(Identifier)
            || process.HomeAddresses.Count == 0 || (request.Pids.Count == 0 && !request.OtherMigrator)
            || (request.OtherMigrator && process.Home == identity.Name))
        {
            throw Refusal("invalid-request", "the request is incomplete. Both nodes should run the same version of Twins.");
        }

        if (places.FindObstacle(request) is var (code, what))
            throw Refusal(code, what);
        if (table.FindEpoch(process.ProcessId) > request.Epoch)
            throw Refusal("stale-epoch", $"it has seen '{process.Name}' at epoch {table.FindEpoch(process.ProcessId)}, later than {request.Epoch}. Compare what 'twins show {process.Name}' says on both nodes.");
        if (table.List().FirstOrDefault(r => r.Name == process.Name && r.Id != process.ProcessId && r.State != ProcessState.Exited) is { } other)
            throw Refusal("name-taken", $"it knows another process named '{process.Name}' (PID {other.Pid}). Start the process under another name (twins run --name).");
        if (request.OtherMigrator)
            return;
        foreach (var pid in request.Pids)
        {
            // The frozen original of an earlier move may be just about to go.
            for (var waited = 0; waited < MostWaits && ProcessStat.TryRead((int)pid, out var stat) && stat.IsEnding; waited++)
                await Task.Delay(TimeSpan.FromMilliseconds(20), cancellation);
            if (Directory.Exists($"/proc/{pid}"))
                throw Refusal("pid-taken", $"PID {pid} belongs to another process there ({Command(pid)}). End that one, or start the mobile process again under another PID.");
        }

        foreach (var file in request.Files)
            Check(file, process);
        await readiness.CheckAsync(cancellation);
        Directory.CreateDirectory(options.ImagePath);
        var free = (ulong)new DriveInfo(options.ImagePath).AvailableFreeSpace;
        // What is sent while the process runs is there beside the images that are made of it.
        if (free / 2 < request.ImageBytesEstimate)
            throw Refusal("disk-full", $"{options.ImagePath} has {free >> 20} MiB free, the images need about twice {request.ImageBytesEstimate >> 20} MiB on their way. Free some, or set imageDirectory elsewhere.");
    }

    private const int MostWaits = 100;

    private static readonly System.Buffers.SearchValues<char> Identifier = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    private void Check(RequiredFile file, MobileProcess process)
    {
        if (file.Path == process.OutputPath || file.Path == process.ErrorPath)
            return;
        var there = new FileInfo(file.Path);
        if (!there.Exists && !Directory.Exists(file.Path) && !Path.Exists(file.Path))
            throw Refusal("file-missing", $"it lacks the file {file.Path}, which the process has open. Install or copy it there.");
        if (there.Exists && file.Size > 0 && (ulong)there.Length != file.Size)
            throw Refusal("file-differs", $"its {file.Path} has {there.Length} bytes, the process has one of {file.Size} open. Install the same version there.");
    }

    private NodeException Refusal(string code, string what) => new(identity.Name, code, $"Node '{identity.Name}' can't take the process: {what}");

    private static string Command(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").Trim();
        }
        catch (IOException)
        {
            return "gone by now";
        }
    }
}
