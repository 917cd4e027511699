using Microsoft.Data.Sqlite;

namespace Twins.Table.Sqlite;

/// <summary>Opens the file, checks it and brings it to the schema that this program knows.</summary>
internal static class TableSchema
{
    public const long Version = 2;

    // body: RecordJson. epoch of fence: the highest ever seen, it outlives the process's record.
    private const string Create =
        """
        BEGIN IMMEDIATE;
        CREATE TABLE process (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, pid INTEGER NOT NULL,
            epoch INTEGER NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
        CREATE INDEX process_pid ON process (pid);
        CREATE TABLE fence (process TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE flow (process TEXT NOT NULL REFERENCES process (id) ON DELETE CASCADE, protocol INTEGER NOT NULL,
            local BLOB NOT NULL, peer BLOB NOT NULL, home_leg BLOB, host_leg BLOB,
            PRIMARY KEY (process, protocol, local, peer)) WITHOUT ROWID;
        CREATE TABLE migration (id TEXT NOT NULL, role INTEGER NOT NULL, process TEXT NOT NULL, started INTEGER NOT NULL,
            decided INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (id, role)) WITHOUT ROWID;
        CREATE INDEX migration_started ON migration (started);
        CREATE INDEX migration_undecided ON migration (decided) WHERE decided = 0;
        PRAGMA user_version = 1;
        COMMIT;
        """;

    private const string AddLeftBehind =
        """
        BEGIN IMMEDIATE;
        CREATE TABLE left_behind (id TEXT NOT NULL, role INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (id, role)) WITHOUT ROWID;
        PRAGMA user_version = 2;
        COMMIT;
        """;

    /// <exception cref="TableException">Missing rights, damaged file, newer schema.</exception>
    public static SqliteConnection Open(string path)
    {
        CreateFile(path);
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Pooling = false,
            ForeignKeys = true,
            DefaultTimeout = 5,
        }.ConnectionString);
        try
        {
            connection.Open();
            Run(connection, "PRAGMA journal_mode = WAL");
            Run(connection, "PRAGMA synchronous = FULL");
            if (Run(connection, "PRAGMA quick_check(1)") is not "ok" and var complaint)
                throw TableErrors.Damaged("Checking the table", path, $"{complaint}.");
            var found = (long)Run(connection, "PRAGMA user_version")!;
            if (found > Version)
                throw TableErrors.Newer(path, found, Version);
            if (found == 0)
                Run(connection, Create);
            if (found < Version)
                Run(connection, AddLeftBehind);
            return connection;
        }
        catch (SqliteException exception)
        {
            connection.Dispose();
            throw TableErrors.From("Opening the table", path, exception);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static void CreateFile(string path)
    {
        try
        {
            const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = Owner;
            using var file = new FileStream(path, options);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new TableException(
                "Opening the table", 0, exception.Message, $"Check that {path} can be written by twinsd.", exception);
        }
    }

    private static object? Run(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }
}
