using Twins.Packets;
using Twins.Table.Sqlite;

namespace Twins.Table.Tests;

/// <summary>Writes without end, so that a test can kill it in the middle.</summary>
internal static class CrashingWriter
{
    public const string Verb = "write-table";
    public const string ProcessId = "p-00000001";
    public const int Flows = 500;

    /// <summary>
    /// Each round is one transaction for the flows, whose home legs all carry the round's number as port, and one for
    /// record and migration, which carry it as epoch. Each round is told on standard output after it was committed.
    /// </summary>
    public static int Run(string path)
    {
        using var store = SqliteTableStore.Open(path);
        store.TryAdd(Sample.Process(ProcessId, "writer") with { Epoch = 1 });
        for (ulong epoch = 1; epoch < 60_000; epoch++)
        {
            store.TryReplaceFlows(ProcessId, epoch, [.. Sample.Flows(Flows, homeLegPort: (ushort)epoch)]);
            store.TryUpdate(
                Sample.Process(ProcessId, "writer") with { Epoch = epoch + 1 },
                epoch,
                new MigrationRow
                {
                    MigrationId = $"m-{epoch + 1}", Role = MigrationRole.Source, ProcessId = ProcessId, Epoch = epoch + 1, Peer = "host1",
                    Outcome = MigrationOutcome.Committed,
                });
            Console.WriteLine(epoch + 1);
        }

        return 0;
    }
}
