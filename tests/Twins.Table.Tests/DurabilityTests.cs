using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Twins.Table.Sqlite;

namespace Twins.Table.Tests;

[TestClass]
public sealed class DurabilityTests : StoreTests
{
    [TestMethod]
    [Timeout(120_000)]
    public void WriterKilledAtAnyMoment_LeavesAWholeTable()
    {
        Store.Dispose();
        for (var round = 0; round < 8; round++)
        {
            var path = Path.Combine(Path.GetDirectoryName(TablePath)!, $"crash-{round}.db");
            var told = WriteAndKill(path, commits: 2 + (round * 5));
            using var survivor = SqliteTableStore.Open(path);
            var record = survivor.Find(CrashingWriter.ProcessId);
            Assert.IsNotNull(record);
            Assert.IsGreaterThanOrEqualTo(told, record.Epoch, "a commit that was told is lost");

            // The migration's row came before its record's; the next one's may be there already.
            Assert.IsTrue(survivor.ListMigrations(limit: int.MaxValue).Length - (int)record.Epoch is -1 or 0);
            Assert.IsNotNull(survivor.FindMigration($"m-{record.Epoch}", MigrationRole.Source));

            var flows = survivor.ListFlows(CrashingWriter.ProcessId);
            Assert.HasCount(CrashingWriter.Flows, flows);
            var ports = flows.Select(flow => flow.HomeLeg!.Value.Port).Distinct().ToArray();
            Assert.HasCount(1, ports, "flows of two transactions are mixed");
            Assert.AreEqual(record.Epoch, ports[0], "record and flows are one transaction");
        }
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(24)]
    [DataRow(100)]
    [DataRow(4096)]
    [DataRow(5000)]
    public void DamagedFile_IsRefusedWithTheRemedy(int offset)
    {
        Store.TryAdd(Sample.Process());
        Store.TryReplaceFlows("p-1f3a9c20", 3, [.. Sample.Flows(2000)]);
        Store.Dispose();
        using (var file = File.Open(TablePath, FileMode.Open, FileAccess.Write))
        {
            file.Position = offset;
            file.Write(Enumerable.Repeat((byte)0xA5, 3000).ToArray());
        }

        var thrown = Assert.ThrowsExactly<TableException>(() =>
        {
            using var store = SqliteTableStore.Open(TablePath);
            store.List();
            store.ListFlows("p-1f3a9c20");
        });
        StringAssert.Contains(thrown.Message, $"mv {TablePath} {TablePath}.damaged", StringComparison.Ordinal);
    }

    [TestMethod]
    public void FileThatIsNoDatabase_IsRefusedWithTheRemedy()
    {
        Store.Dispose();
        File.WriteAllText(TablePath, new string('x', 5000));
        var thrown = Assert.ThrowsExactly<TableException>(() => SqliteTableStore.Open(TablePath));
        Assert.AreEqual(26, thrown.NativeCode);
        StringAssert.Contains(thrown.Remedy, "start twinsd again", StringComparison.Ordinal);
    }

    [TestMethod]
    public void BodyThatIsNoRecord_IsRefusedWithTheRemedy()
    {
        Store.TryAdd(Sample.Process());
        Execute("UPDATE process SET body = '{\"id\":5}'");
        StringAssert.Contains(
            Assert.ThrowsExactly<TableException>(() => Store.List()).Message, "The table is damaged", StringComparison.Ordinal);
    }

    [TestMethod]
    public void TableOfANewerVersion_IsRefusedAndLeftAlone()
    {
        Store.Dispose();
        Execute("PRAGMA user_version = 3");
        var thrown = Assert.ThrowsExactly<TableException>(() => SqliteTableStore.Open(TablePath));
        StringAssert.Contains(thrown.Message, "schema version 3, this program knows 2", StringComparison.Ordinal);
    }

    [TestMethod]
    public void TableOfVersion1_IsBroughtUpToDateAndKeepsItsRecords()
    {
        Store.TryAdd(Sample.Process());
        Store.Dispose();
        Execute("DROP TABLE left_behind; PRAGMA user_version = 1");
        Reopen();
        Assert.AreEqual("p-1f3a9c20", Store.List().Single().Id);
        Assert.IsEmpty(Store.ListLeftBehind());
    }

    [TestMethod]
    public void PathThatCanNotBeMade_IsRefusedWithTheRemedy()
    {
        var thrown = Assert.ThrowsExactly<TableException>(() => SqliteTableStore.Open(Path.Combine(TablePath, "below", "table.db")));
        StringAssert.Contains(thrown.Message, "can be written by twinsd", StringComparison.Ordinal);
    }

    [TestMethod]
    public void File_IsItsOwnersOnly()
    {
        if (OperatingSystem.IsWindows())
            Assert.Inconclusive("Unix modes.");
        else
            Assert.AreEqual(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(TablePath));
    }

    [TestMethod]
    public void FailedWrite_LeavesTheStoreUsable()
    {
        Store.TryAdd(Sample.Process());
        Assert.ThrowsExactly<InvalidOperationException>(() => Store.TryChange("p-1f3a9c20", 3, _ => throw new InvalidOperationException()));
        Assert.IsTrue(Store.TryChange("p-1f3a9c20", 3, record => record with { Note = "after" }).IsDone);
    }

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={TablePath};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Constants of this file.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    /// <summary>The last epoch that the writer told before it was killed.</summary>
    private static ulong WriteAndKill(string path, int commits)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [CrashingWriter.Verb, path]) { RedirectStandardOutput = true };
        using var writer = Process.Start(start)!;
        var told = 0ul;
        for (var commit = 0; commit < commits; commit++)
            told = ulong.Parse(writer.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the writer ended"), CultureInfo.InvariantCulture);
        writer.Kill(); // SIGKILL
        writer.WaitForExit();
        while (writer.StandardOutput.ReadLine() is { } line && ulong.TryParse(line, out var later))
            told = later;
        return told;
    }
}
