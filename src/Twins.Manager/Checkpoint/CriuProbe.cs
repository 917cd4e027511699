using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Twins.Diversion;
using Twins.Diversion.Linux;

namespace Twins.Manager.Checkpoint;

/// <summary>
/// Dumps and restores a small program with a TCP connection, in a network namespace of its own. `criu
/// check` is no proof: versions exist that pass it and can't dump a socket on newer kernels. A good
/// result is remembered until the machine boots or criu changes; a bad one is not, so that a repair is seen.
/// </summary>
public sealed class CriuProbe
{
    private const string Program = """
        for f in /proc/$BASHPID/fd/*; do f=${f##*/}; [ "$f" -gt 2 ] && eval "exec $f>&-"; done
        cd /
        exec 3<>/dev/tcp/127.0.0.1/PORT
        while read -r line <&3; do echo "$line" >&3; done
        """;

    private const string FolderPrefix = "probe-";
    private const string NamespaceName = "net";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);
    private readonly string _criu;
    private readonly string _stateFolder;
    private readonly string _runFolder;

    /// <summary>Probes the criu at a path.</summary>
    /// <param name="criuPath">See <see cref="CriuCheckpointer.Locate"/>.</param>
    /// <param name="stateFolder">Where the result is kept: /var/lib/twins.</param>
    /// <param name="runFolder">Where images and namespace of the probe are made for a moment: /run/twins.</param>
    public CriuProbe(string criuPath, string stateFolder, string runFolder)
    {
        _criu = criuPath;
        _stateFolder = stateFolder;
        _runFolder = runFolder;
    }

    private string CachePath => Path.Combine(_stateFolder, "criu-probe.json");

    /// <summary>The remembered result, or that of a probe made now (about 300 ms). Never fails because of criu.</summary>
    public async Task<CriuProbeResult> RunAsync(CancellationToken cancellationToken)
    {
        var key = Key();
        if (ReadCache() is { } cached && cached.Key == key)
            return cached;
        CriuProbeResult result;
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(s_limit);
            await ProbeAsync(limit.Token).ConfigureAwait(false);
            result = new CriuProbeResult(key, true, null, null);
            Directory.CreateDirectory(_stateFolder);
            var temporary = CachePath + ".new";
            File.WriteAllText(temporary, JsonSerializer.Serialize(result, StateJson.Default.CriuProbeResult));
            File.Move(temporary, CachePath, overwrite: true);
        }
        catch (CheckpointException e)
        {
            result = new CriuProbeResult(key, false, e.Code, e.Message);
        }
        catch (Exception e) when (e is SocketException or IOException or DiversionException or System.ComponentModel.Win32Exception
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            result = new CriuProbeResult(key, false, CheckpointCode.CriuFailed, $"a trial with a small program failed: {(e is OperationCanceledException ? $"it wasn't done within {s_limit.TotalSeconds:0} s" : e.Message.TrimEnd('.'))}. scripts/bootstrap.sh gets a CRIU that works on this kernel.");
        }

        return result;
    }

    /// <summary>Folders of probes: of one that is being made, and of those that the end of their twinsd cut short.</summary>
    internal static IEnumerable<string> FindFolders(string runFolder) =>
        Directory.Exists(runFolder) ? Directory.EnumerateDirectories(runFolder, FolderPrefix + "*") : [];

    /// <summary>Whether this program is making the probe.</summary>
    internal static bool IsOurs(string folder) =>
        Path.GetFileName(folder).StartsWith(FormattableString.Invariant($"{FolderPrefix}{Environment.ProcessId}-"), StringComparison.Ordinal);

    /// <summary>Takes a probe's folder away, with the network namespace in it.</summary>
    internal static void Remove(string folder)
    {
        NetworkNamespace.Remove(Path.Combine(folder, NamespaceName));
        Directory.Delete(folder, recursive: true);
    }

    private async Task ProbeAsync(CancellationToken cancellationToken)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_runFolder, $"{FolderPrefix}{Environment.ProcessId}-{Guid.NewGuid():N}")).FullName;
        var networkNamespace = Path.Combine(folder, NamespaceName);
        try
        {
            NetworkNamespace.Create(networkNamespace);
            using var listener = NetworkNamespace.Run(networkNamespace, Listen);
            var program = NetworkNamespace.Run(networkNamespace, () => StartProgram(((IPEndPoint)listener.LocalEndPoint!).Port));
            using var guard = ProcessHandle.TryOpen(program);
            try
            {
                using var connection = await listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
                await MoveAsync(program, folder, networkNamespace, connection, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                guard?.Signal(9);
                guard?.WaitForExit(TimeSpan.FromSeconds(1));
                guard?.TryReap();
            }
        }
        finally
        {
            Remove(folder);
        }
    }

    private async Task MoveAsync(int pid, string folder, string networkNamespace, Socket connection, CancellationToken cancellationToken)
    {
        await EchoAsync(connection, cancellationToken).ConfigureAwait(false);
        var images = Directory.CreateDirectory(Path.Combine(folder, "images")).FullName;
        await using var criu = new CriuCheckpointer(_criu);
        await using (var dump = await criu.BeginDumpAsync(pid, images, networkNamespace, cancellationToken).ConfigureAwait(false))
            await dump.CompleteAsync(cancellationToken).ConfigureAwait(false);
        await using var restore = await criu.BeginRestoreAsync(images, networkNamespace, cancellationToken).ConfigureAwait(false);
        using var restored = ProcessHandle.TryOpen(restore.Pid);
        var watch = await restore.ResumeAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await EchoAsync(connection, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            restored?.Signal(9);
            await watch.Exited.ConfigureAwait(false);
        }
    }

    private static Socket Listen()
    {
        using (var up = Process.Start("ip", ["link", "set", "lo", "up"]))
            up.WaitForExit();
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        return listener;
    }

    private static int StartProgram(int port)
    {
        var script = Program.Replace("PORT", port.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);
        var (pid, error) = CriuSpawn.Start("/bin/bash", "-c", "exec </dev/null >/dev/null 2>&1\n" + script);
        return error == 0 ? pid : throw new System.ComponentModel.Win32Exception(error);
    }

    private static async Task EchoAsync(Socket connection, CancellationToken cancellationToken)
    {
        await connection.SendAsync("probe\n"u8.ToArray(), cancellationToken).ConfigureAwait(false);
        var answer = new byte[6];
        for (var got = 0; got < answer.Length;)
        {
            var n = await connection.ReceiveAsync(answer.AsMemory(got), cancellationToken).ConfigureAwait(false);
            got += n > 0 ? n : throw new CheckpointException("probe", CheckpointCode.CriuFailed, "The connection of the trial's small program was closed by its move. scripts/bootstrap.sh gets a CRIU that works on this kernel.");
        }
    }

    private CriuProbeResult? ReadCache()
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(CachePath), StateJson.Default.CriuProbeResult);
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return null;
        }
    }

    private string Key()
    {
        var boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        var binary = new FileInfo(_criu);
        return binary.Exists ? $"{boot} {binary.FullName} {binary.Length} {binary.LastWriteTimeUtc.Ticks}" : $"{boot} {_criu}";
    }
}
