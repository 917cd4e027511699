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
    /// Each round is one transaction for the migration and one for record and flows: the record carries the round's number as
    /// epoch, the home legs of all flows carry it as port. Each round is told on standard output after it was committed.
    /// </summary>
    public static int Run(string path)
    {
        using var store = SqliteTableStore.Open(path);
        store.TryAdd(Sample.Process(ProcessId, "writer") with { Epoch = 1 });
        for (ulong epoch = 1; epoch < 60_000; epoch++)
        {
            var next = epoch + 1;
            store.TryPutMigration(new MigrationRow
            {
                MigrationId = $"m-{next}", Role = MigrationRole.Source, ProcessId = ProcessId, Epoch = next, Peer = "host1",
                Outcome = MigrationOutcome.Committed,
            });
            store.TryChange(
                ProcessId, epoch, record => record with { Epoch = next }, [.. Sample.Flows(Flows, homeLegPort: (ushort)next)], durable: true);
            Console.WriteLine(next);
        }

        return 0;
    }
}
