using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Twins.Table.Sqlite;

/// <summary>The one connection, its lock and its transactions; SQLite's errors leave as <see cref="TableException"/>.</summary>
internal sealed class TableConnection : IDisposable
{
    private readonly Lock _lock = new();
    private readonly string _path;
    private bool _disposed;

    public TableConnection(string path)
    {
        _path = path;
        Statements = new Statements(TableSchema.Open(path));
    }

    /// <summary>For use inside <see cref="Read"/> and <see cref="Write"/> only.</summary>
    public Statements Statements { get; }

    public T Read<T>(Func<T> read)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return Guard("Reading the table", read);
        }
    }

    /// <summary>Runs <paramref name="write"/> in a transaction, which is committed if its result is done.</summary>
    /// <param name="operation">What the caller does, in words.</param>
    /// <param name="durable">Whether the commit waits for the disk.</param>
    /// <param name="write">Reads and writes through <see cref="Statements"/>.</param>
    /// <param name="committed">Called after a commit, still under the lock, so in the order of the commits.</param>
    public TableResult Write(string operation, bool durable, Func<TableResult> write, Action<TableResult>? committed = null)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var result = Guard(operation, () => InTransaction(durable, write));
            if (result.IsDone)
                committed?.Invoke(result);
            return result;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = true;
            Statements.Dispose();
        }
    }

    private TableResult InTransaction(bool durable, Func<TableResult> write)
    {
        Statements.Execute(durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
        Statements.Execute("BEGIN IMMEDIATE");
        var committed = false;
        try
        {
            var result = write();
            if (result.IsDone)
            {
                Statements.Execute("COMMIT");
                committed = true;
            }

            return result;
        }
        finally
        {
            if (!committed)
                RollBack();
        }
    }

    private void RollBack()
    {
        try
        {
            Statements.Execute("ROLLBACK");
        }
        catch (SqliteException)
        {
            // SQLite has rolled back by itself, as it does after a full disk or an I/O error; the first error is the one to tell.
        }
    }

    private T Guard<T>(string operation, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (SqliteException exception)
        {
            throw TableErrors.From(operation, _path, exception);
        }
        catch (Exception exception) when (exception is JsonException or FormatException or InvalidCastException)
        {
            throw TableErrors.Damaged(operation, _path, exception.Message, exception);
        }
    }
}
