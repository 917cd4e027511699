using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Twins.Table.Sqlite;

/// <summary>Rows of processes and of their fences.</summary>
internal sealed class ProcessRows(Statements statements)
{
    public ProcessRecord? Find(string id) =>
        statements.Query("SELECT body FROM process WHERE id = $0", Read, id).SingleOrDefault();

    public ProcessRecord? FindByName(string name) =>
        statements.Query("SELECT body FROM process WHERE name = $0", Read, name).SingleOrDefault();

    public ProcessRecord? FindByPid(int pid) =>
        statements.Query("SELECT body FROM process WHERE pid = $0", Read, pid)
            .OrderBy(record => record.State == ProcessState.Exited)
            .ThenByDescending(record => record.Updated)
            .FirstOrDefault();

    public ImmutableArray<ProcessRecord> List() => [.. statements.Query("SELECT body FROM process ORDER BY name", Read)];

    public string FreeName(string wanted)
    {
        var name = wanted;
        for (var number = 2; IdOfName(name) is not null; number++)
            name = string.Create(CultureInfo.InvariantCulture, $"{wanted}-{number}");
        return name;
    }

    public string? IdOfName(string name) => (string?)statements.Scalar("SELECT id FROM process WHERE name = $0", name);

    public ulong Fence(string id) =>
        statements.Scalar("SELECT epoch FROM fence WHERE process = $0", id) is long epoch ? (ulong)epoch : 0;

    public void Put(ProcessRecord record)
    {
        var epoch = checked((long)record.Epoch);
        statements.Execute(
            """
            INSERT INTO process (id, name, pid, epoch, state, body) VALUES ($0, $1, $2, $3, $4, $5)
            ON CONFLICT (id) DO UPDATE SET name = $1, pid = $2, epoch = $3, state = $4, body = $5
            """,
            record.Id, record.Name, record.Pid, epoch, record.State.ToString(),
            JsonSerializer.Serialize(record, RecordJson.Default.ProcessRecord));
        statements.Execute(
            "INSERT INTO fence (process, epoch) VALUES ($0, $1) ON CONFLICT (process) DO UPDATE SET epoch = max(epoch, $1)",
            record.Id, epoch);
    }

    public void Delete(string id) => statements.Execute("DELETE FROM process WHERE id = $0", id);

    private static ProcessRecord Read(SqliteDataReader reader) =>
        JsonSerializer.Deserialize(reader.GetString(0), RecordJson.Default.ProcessRecord) ?? throw new JsonException("a record is null");
}
