using Twins.Packets;
using Twins.Table.Sqlite;

namespace Twins.Table.Tests;

public abstract class StoreTests
{
    private protected string TablePath { get; } = Sample.NewTablePath();

    private protected SqliteTableStore Store { get; private set; } = null!;

    [TestInitialize]
    public void Open() => Store = SqliteTableStore.Open(TablePath);

    [TestCleanup]
    public void Remove()
    {
        Store.Dispose();
        Directory.Delete(Path.GetDirectoryName(TablePath)!, recursive: true);
    }

    private protected void Reopen()
    {
        Store.Dispose();
        Store = SqliteTableStore.Open(TablePath);
    }
}
