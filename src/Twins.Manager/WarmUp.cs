using System.Threading.Channels;
using Twins.Manager.Images;
using Twins.Manager.Registry;
using Twins.Packets;
using Twins.Protocol;
using Twins.Table;
using Twins.Table.Sqlite;

namespace Twins.Manager;

/// <summary>
/// Compiles and loads what works while a process is frozen: a first transfer takes several times as long as a second one, the
/// first writes to the table as well. Works on files of its own.
/// </summary>
internal static class WarmUp
{
    private const int Rounds = 4;

    public static async Task RunAsync(TwinPaths paths)
    {
        var directory = paths.NewImages("warm-up");
        try
        {
            await TransferAsync(paths, directory);
            WriteTable(Path.Combine(directory, "table.db"));
        }
        catch (Exception e) when (e is IOException or ImageTransferException or TableException)
        {
            // No room for two megabytes: the preflight of a migration will say so.
        }
        finally
        {
            paths.RemoveImages(directory);
        }
    }

    private static async Task TransferAsync(TwinPaths paths, string directory)
    {
        var file = Path.Combine(directory, "noise");
        var bytes = new byte[2 << 20];
        Random.Shared.NextBytes(bytes.AsSpan(0, bytes.Length / 2));
        await File.WriteAllBytesAsync(file, bytes);
        for (var i = 0; i < Rounds; i++)
        {
            var target = paths.NewImages("warm-up-target");
            using var sender = new ImageSender("warm-up");
            await TransferAsync(target, write => sender.SendPagesAsync([bytes.AsMemory(0, bytes.Length / 4)], write, null, CancellationToken.None));
            await TransferAsync(target, write => sender.SendAsync([new ImageFile(file, "pages-1.img", IsSideFile: false)], write, null, CancellationToken.None));
            paths.RemoveImages(target);
        }
    }

    private static async Task TransferAsync(string target, Func<Func<ImageChunk, Task>, Task> send)
    {
        var chunks = Channel.CreateUnbounded<ImageChunk>();
        var receiving = new ImageReceiver(target, long.MaxValue, new Dictionary<string, string>(), progress: null).ReceiveAsync(chunks.Reader.ReadAllAsync(), CancellationToken.None);
        await send(chunk => chunks.Writer.WriteAsync(chunk).AsTask());
        chunks.Writer.Complete();
        await receiving;
    }

    private static void WriteTable(string path)
    {
        using var table = SqliteTableStore.Open(path);
        var local = new Packets.Endpoint(InternetAddress.FromBytes([10, 0, 0, 1]), 80);
        var flow = new FlowRecord(new FiveTuple(IpProtocol.Tcp, local, local), local, local);
        var record = new ProcessRecord
        {
            Id = "warm-up",
            Name = "warm-up",
            Pid = 1,
            HomeNode = "home",
            CurrentNode = "home",
            HomeAddresses = [local.Address],
            Listeners = [new ListenerRecord(IpProtocol.Tcp, local)],
            HostLegs = [local],
            Twin = new TwinRecord("twin", 1, 1, "/"),
        };
        table.TryAdd(record);
        for (var i = 0; i < Rounds; i++)
        {
            table.TryChange(record.Id, table.FindEpoch(record.Id), found => found with { Note = "warm" });
            table.TryReplaceFlows(record.Id, table.FindEpoch(record.Id), [flow]);
            table.ListFlows(record.Id);
            table.TryPutMigration(new MigrationRow { MigrationId = "warm-up", Role = MigrationRole.Destination, ProcessId = record.Id, Epoch = 1, Peer = "home" });
            table.FindMigration("warm-up", MigrationRole.Destination);
        }
    }
}
