using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Twins.Protocol;

namespace Twins.Cli.Output;

/// <summary>Turns what <c>twinsd</c> says into the documents that --json prints.</summary>
internal static class Documents
{
    /// <summary>Prints one document and the end of its line.</summary>
    public static void WriteJson<T>(this TextWriter writer, T document, JsonTypeInfo<T> type) =>
        writer.WriteLine(JsonSerializer.Serialize(document, type));

    public static ProcessDocument Of(ProcessInfo process) => new(
        process.Name, process.Pid, process.Node, process.State, process.Epoch, EndpointsOf(process));

    public static ProcessDetailDocument DetailOf(ProcessInfo process) => new(
        process.Name, process.Pid, process.Node, process.State, process.Epoch, EndpointsOf(process),
        process.Home, process.Executable, process.TwinPid, process.Path,
        process.HeldPackets, process.HeldBytes, process.RedirectedPackets, process.RedirectedBytes, process.ZeroWindows,
        Sorted(process.Drops), process.Note, process.Cabin, [.. process.History.Select(Of)],
        Sorted(process.TwinDrops), Sorted(process.NodeDrops));

    public static NodeDocument Of(NodeInfo node) => new(
        node.Name, node.Address, node.Self, node.Reachable, node.Version, node.Kernel, node.Criu,
        node.Processes, Rounded(node.RoundTripMilliseconds), node.Problem);

    public static MigrationDocument Of(MigrationResult result) => new(
        result.Name, result.Pid, result.From, result.To, result.Epoch, result.Path, result.Connections,
        [.. result.Phases.Select(phase => new PhaseDocument(phase.Name, Rounded(phase.Milliseconds)))],
        Rounded(result.HoldMilliseconds), result.HeldPackets, result.HeldBytes, result.ImageBytes,
        Rounded(result.FrozenMilliseconds));

    private static HistoryDocument Of(MigrationRecord record) => new(
        record.From, record.To, record.Epoch,
        DateTimeOffset.FromUnixTimeMilliseconds(record.StartedUnixMilliseconds)
            .ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture),
        record.Outcome, record.Message);

    private static List<EndpointDocument> EndpointsOf(ProcessInfo process) =>
        [.. process.Endpoints.Select(endpoint => new EndpointDocument(
            endpoint.Protocol, endpoint.Local, endpoint.Remote, endpoint.Role, endpoint.Home, endpoint.State))];

    private static SortedDictionary<string, ulong> Sorted(IDictionary<string, ulong> drops) => new(drops, StringComparer.Ordinal);

    /// <summary>Microseconds are enough.</summary>
    private static double Rounded(double milliseconds) => Math.Round(milliseconds, 3);
}
