using System.Text.Json;
using System.Text.Json.Serialization;
using Twins.Packets;

namespace Twins.Table.Sqlite;

/// <summary>Records as the store's bodies: JSON, so that a later version may add fields and a person can read them.</summary>
[JsonSourceGenerationOptions(
    UseStringEnumConverter = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    Converters = [typeof(InternetAddressJson), typeof(EndpointJson), typeof(FlowRecordJson)])]
[JsonSerializable(typeof(ProcessRecord))]
[JsonSerializable(typeof(MigrationRow))]
[JsonSerializable(typeof(LeftBehindRecord))]
internal sealed partial class RecordJson : JsonSerializerContext
{
}

internal sealed class InternetAddressJson : JsonConverter<InternetAddress>
{
    public override InternetAddress Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        InternetAddress.TryParse(reader.GetString(), out var address) ? address : throw new JsonException("no IP address");

    public override void Write(Utf8JsonWriter writer, InternetAddress value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}

internal sealed class EndpointJson : JsonConverter<Endpoint>
{
    public override Endpoint Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Endpoint.TryParse(reader.GetString(), out var endpoint) ? endpoint : throw new JsonException("no endpoint");

    public override void Write(Utf8JsonWriter writer, Endpoint value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}
