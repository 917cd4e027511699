using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Twins.Table.Sqlite;

/// <summary>Statements of one connection, prepared once. Not thread safe: the store's lock guards it.</summary>
internal sealed class Statements(SqliteConnection connection) : IDisposable
{
    private readonly Dictionary<string, SqliteCommand> _prepared = [];

    public int Execute(string sql, params ReadOnlySpan<object?> values) => Bind(sql, values).ExecuteNonQuery();

    public object? Scalar(string sql, params ReadOnlySpan<object?> values) => Bind(sql, values).ExecuteScalar();

    public List<T> Query<T>(string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<object?> values)
    {
        var rows = new List<T>();
        using var reader = Bind(sql, values).ExecuteReader();
        while (reader.Read())
            rows.Add(read(reader));
        return rows;
    }

    /// <summary>
    /// Executes a statement once per row, <paramref name="fill"/> giving the row's values (null, long, string or byte[]).
    /// Below ADO.NET's commands, whose cost per execution is more than SQLite's own.
    /// </summary>
    public void ExecuteMany<T>(string sql, IEnumerable<T> rows, int columns, Action<T, object?[]> fill)
    {
        var database = connection.Handle!;
        Check(raw.sqlite3_prepare_v2(database, sql, out var statement), database);
        using (statement)
        {
            var values = new object?[columns];
            foreach (var row in rows)
            {
                fill(row, values);
                for (var index = 0; index < columns; index++)
                    Check(BindAt(statement, index + 1, values[index]), database);
                Check(raw.sqlite3_step(statement), database);
                Check(raw.sqlite3_reset(statement), database);
            }
        }
    }

    public void Dispose()
    {
        foreach (var command in _prepared.Values)
            command.Dispose();
        connection.Dispose();
    }

    private static int BindAt(sqlite3_stmt statement, int position, object? value) => value switch
    {
        null => raw.sqlite3_bind_null(statement, position),
        long number => raw.sqlite3_bind_int64(statement, position, number),
        byte[] blob => raw.sqlite3_bind_blob(statement, position, blob),
        string text => raw.sqlite3_bind_text(statement, position, text),
        _ => throw new ArgumentException($"no column of type {value.GetType()}", nameof(value)),
    };

    private static void Check(int code, sqlite3 database)
    {
        if (code is not raw.SQLITE_OK and not raw.SQLITE_DONE and not raw.SQLITE_ROW)
            throw new SqliteException(raw.sqlite3_errmsg(database).utf8_to_string(), code & 0xFF, raw.sqlite3_extended_errcode(database));
    }

    /// <summary>Parameters are $0, $1, ... in the text.</summary>
    private SqliteCommand Bind(string sql, ReadOnlySpan<object?> values)
    {
        if (!_prepared.TryGetValue(sql, out var command))
        {
            command = connection.CreateCommand();
#pragma warning disable CA2100 // All texts are constants of this assembly.
            command.CommandText = sql;
#pragma warning restore CA2100
            for (var index = 0; index < values.Length; index++)
                command.Parameters.AddWithValue($"${index}", DBNull.Value);
            _prepared.Add(sql, command);
        }

        for (var index = 0; index < values.Length; index++)
            command.Parameters[index].Value = values[index] ?? DBNull.Value;
        return command;
    }
}
