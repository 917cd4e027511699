using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Twins.Packets;

namespace Twins.Table.Sqlite;

/// <summary>A connection in a body: protocol, local end and peer, then the ends of the leg if it has one, with spaces between.</summary>
internal sealed class FlowRecordJson : JsonConverter<FlowRecord>
{
    public override FlowRecord Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var words = reader.GetString()?.Split(' ') ?? [];
        if (words.Length is not (3 or 5) || !byte.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var protocol))
            throw new JsonException("no connection");
        var ends = new Endpoint[words.Length - 1];
        for (var i = 0; i < ends.Length; i++)
        {
            if (!Endpoint.TryParse(words[i + 1], out ends[i]))
                throw new JsonException("no endpoint");
        }

        var connection = new FiveTuple((IpProtocol)protocol, ends[0], ends[1]);
        return ends.Length == 2 ? new FlowRecord(connection) : new FlowRecord(connection, ends[2], ends[3]);
    }

    public override void Write(Utf8JsonWriter writer, FlowRecord value, JsonSerializerOptions options)
    {
        var (protocol, local, peer) = value.Connection;
        var text = string.Create(CultureInfo.InvariantCulture, $"{(byte)protocol} {local} {peer}");
        writer.WriteStringValue(value is { HomeLeg: { } home, HostLeg: { } host } ? $"{text} {home} {host}" : text);
    }
}
