using System.Text.Json.Serialization;

namespace Twins.Cli.Output;

// The documents that --json prints. Names and order are a contract (design.md section 8).

internal sealed record EndpointDocument(
    string Protocol, string Local, string Remote, string Role, string Home, string State);

internal sealed record ProcessDocument(
    string Name, int Pid, string Node, string State, ulong Epoch, IReadOnlyList<EndpointDocument> Endpoints);

internal sealed record ProcessDetailDocument(
    string Name, int Pid, string Node, string State, ulong Epoch, IReadOnlyList<EndpointDocument> Endpoints,
    string Home, string Executable, int TwinPid, string Path,
    ulong HeldPackets, ulong HeldBytes, ulong RedirectedPackets, ulong RedirectedBytes, ulong ZeroWindows,
    IReadOnlyDictionary<string, ulong> Drops, string Note, string Cabin, IReadOnlyList<HistoryDocument> History,
    IReadOnlyDictionary<string, ulong> TwinDrops, IReadOnlyDictionary<string, ulong> NodeDrops);

internal sealed record HistoryDocument(
    string From, string To, ulong Epoch, string Started, string Outcome, string Message);

internal sealed record NodeDocument(
    string Name, string Address, bool Self, bool Reachable, string Version, string Kernel, string Criu,
    uint Processes, double RoundTripMilliseconds, string Problem);

internal sealed record PhaseDocument(string Name, double Milliseconds);

internal sealed record MigrationDocument(
    string Name, int Pid, string From, string To, ulong Epoch, string Path, uint Connections,
    IReadOnlyList<PhaseDocument> Phases, double HoldMilliseconds, ulong HeldPackets, ulong HeldBytes,
    ulong ImageBytes, double FrozenMilliseconds);

internal sealed record ErrorDocument(string Phase, string Code, string Message);

internal sealed record MigrationFailureDocument(ErrorDocument Error, bool RolledBack);

internal sealed record FailureBody(string Code, string Message);

internal sealed record FailureDocument(FailureBody Error);

internal sealed record DiagnosisDocument(string Check, string Outcome, string Detail, string Remedy);

internal sealed record FindingDocument(string Node, string Check, string Outcome, string Detail, string Remedy);

internal sealed record ClusterInitDocument(string Node, string Address, string Fingerprint);

internal sealed record ClusterTokenDocument(string Token, string Expires);

internal sealed record ClusterJoinDocument(string Node, IReadOnlyList<string> Nodes);

internal sealed record AdminLoginDocument(string Url, string Role, string Expires);

internal sealed record ServiceDocument(string Service, string State, int Pid);

internal sealed record LabMachineDocument(
    string Name, string Role, IReadOnlyList<string> Addresses, int InitPid, string State);

internal sealed record LabDocument(bool Up, IReadOnlyList<LabMachineDocument> Machines);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(IReadOnlyList<ProcessDocument>))]
[JsonSerializable(typeof(ProcessDetailDocument))]
[JsonSerializable(typeof(IReadOnlyList<NodeDocument>))]
[JsonSerializable(typeof(MigrationDocument))]
[JsonSerializable(typeof(MigrationFailureDocument))]
[JsonSerializable(typeof(FailureDocument))]
[JsonSerializable(typeof(IReadOnlyList<DiagnosisDocument>))]
[JsonSerializable(typeof(IReadOnlyList<FindingDocument>))]
[JsonSerializable(typeof(PacketDocument))]
[JsonSerializable(typeof(CaptureEndDocument))]
[JsonSerializable(typeof(ClusterInitDocument))]
[JsonSerializable(typeof(ClusterTokenDocument))]
[JsonSerializable(typeof(ClusterJoinDocument))]
[JsonSerializable(typeof(AdminLoginDocument))]
[JsonSerializable(typeof(ServiceDocument))]
[JsonSerializable(typeof(LabDocument))]
[JsonSerializable(typeof(DemoDocument))]
internal sealed partial class JsonDocuments : JsonSerializerContext
{
    /// <summary>The context as the CLI prints with it: text stays readable, nothing but what JSON needs is escaped.</summary>
    public static JsonDocuments Readable { get; } = new(new System.Text.Json.JsonSerializerOptions
    {
        PropertyNamingPolicy = System.Text.Json.JsonNamingPolicy.CamelCase,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
