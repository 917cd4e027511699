using System.Collections.Immutable;
using Microsoft.Data.Sqlite;
using Twins.Packets;

namespace Twins.Table.Sqlite;

/// <summary>Rows of connections.</summary>
internal sealed class FlowRows(Statements statements)
{
    public ImmutableArray<FlowRecord> List(string process) =>
        [.. statements.Query("SELECT protocol, local, peer, home_leg, host_leg FROM flow WHERE process = $0", Read, process)];

    public void Clear(string process) => statements.Execute("DELETE FROM flow WHERE process = $0", process);

    public void Put(string process, IEnumerable<FlowRecord> flows) => statements.ExecuteMany(
        "INSERT OR REPLACE INTO flow (process, protocol, local, peer, home_leg, host_leg) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        flows, columns: 6, (flow, values) =>
        {
            values[0] = process;
            values[1] = (long)flow.Connection.Protocol;
            values[2] = EndpointBlob.Write(flow.Connection.Source);
            values[3] = EndpointBlob.Write(flow.Connection.Destination);
            values[4] = flow.HomeLeg is { } home ? EndpointBlob.Write(home) : null;
            values[5] = flow.HostLeg is { } host ? EndpointBlob.Write(host) : null;
        });

    public void Remove(string process, FlowRecord flow) => statements.Execute(
        "DELETE FROM flow WHERE process = $0 AND protocol = $1 AND local = $2 AND peer = $3",
        process, (long)flow.Connection.Protocol,
        EndpointBlob.Write(flow.Connection.Source), EndpointBlob.Write(flow.Connection.Destination));

    private static FlowRecord Read(SqliteDataReader reader) => new(
        new FiveTuple((IpProtocol)reader.GetByte(0), EndpointAt(reader, 1), EndpointAt(reader, 2)),
        reader.IsDBNull(3) ? null : EndpointAt(reader, 3),
        reader.IsDBNull(4) ? null : EndpointAt(reader, 4));

    private static Endpoint EndpointAt(SqliteDataReader reader, int column) => EndpointBlob.Read(reader.GetFieldValue<byte[]>(column));
}
