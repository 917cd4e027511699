using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Twins.Table.Sqlite;

/// <summary>Rows of migrations.</summary>
internal sealed class MigrationRows(Statements statements)
{
    public MigrationRow? Find(string id, MigrationRole role) =>
        statements.Query("SELECT body FROM migration WHERE id = $0 AND role = $1", Read, id, (long)role).SingleOrDefault();

    public ImmutableArray<MigrationRow> List(string? process, int limit) =>
        [.. statements.Query(
            "SELECT body FROM migration WHERE $0 IS NULL OR process = $0 ORDER BY started DESC LIMIT $1", Read, process, limit)];

    public ImmutableArray<MigrationRow> ListUndecided() =>
        [.. statements.Query("SELECT body FROM migration WHERE decided = 0 ORDER BY started", Read)];

    public void Put(MigrationRow row) => statements.Execute(
        "INSERT OR REPLACE INTO migration (id, role, process, started, decided, body) VALUES ($0, $1, $2, $3, $4, $5)",
        row.MigrationId, (long)row.Role, row.ProcessId, row.Started.ToUnixTimeMilliseconds(), row.IsDecided ? 1L : 0L,
        JsonSerializer.Serialize(row, RecordJson.Default.MigrationRow));

    /// <summary>Forgets decided migrations from before, of processes that are gone.</summary>
    public void Forget(DateTimeOffset before) => statements.Execute(
        "DELETE FROM migration WHERE started < $0 AND decided = 1 AND process NOT IN (SELECT id FROM process)", before.ToUnixTimeMilliseconds());

    private static MigrationRow Read(SqliteDataReader reader) =>
        JsonSerializer.Deserialize(reader.GetString(0), RecordJson.Default.MigrationRow) ?? throw new JsonException("a row is null");
}
