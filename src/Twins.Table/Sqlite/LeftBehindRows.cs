using System.Collections.Immutable;
using System.Text.Json;

namespace Twins.Table.Sqlite;

/// <summary>Rows of what processes left behind.</summary>
internal sealed class LeftBehindRows(Statements statements)
{
    public ImmutableArray<LeftBehindRecord> List() => [.. statements.Query(
        "SELECT body FROM left_behind ORDER BY id, role",
        reader => JsonSerializer.Deserialize(reader.GetString(0), RecordJson.Default.LeftBehindRecord) ?? throw new JsonException("a row is null"))];

    public void Put(LeftBehindRecord record) => statements.Execute(
        "INSERT OR REPLACE INTO left_behind (id, role, body) VALUES ($0, $1, $2)",
        record.Id, (long)record.Role, JsonSerializer.Serialize(record, RecordJson.Default.LeftBehindRecord));

    public void Remove(string id, NodeRole role) => statements.Execute("DELETE FROM left_behind WHERE id = $0 AND role = $1", id, (long)role);
}
