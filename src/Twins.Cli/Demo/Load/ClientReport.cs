using System.Text.Json.Serialization;

namespace Twins.Cli.Demo.Load;

/// <summary>One line of a load client, as JSON.</summary>
/// <param name="VerifiedBytes">Bytes received and found right.</param>
/// <param name="Exchanges">Requests answered; for a download, pieces received.</param>
/// <param name="NewConnections">Connections opened beside the first, each answered.</param>
/// <param name="LongestSilenceMilliseconds">Since the client's start.</param>
/// <param name="Mark">Answers `mark N`; 0: nothing was asked.</param>
/// <param name="WindowSilenceMilliseconds">With a mark: the longest silence since the mark before.</param>
/// <param name="Done">The last line: all that was expected has come and was right.</param>
/// <param name="Error">The last line: what went wrong; empty if nothing did.</param>
internal sealed record ClientReport(
    long VerifiedBytes, long Exchanges, long NewConnections, double LongestSilenceMilliseconds,
    int Mark, double WindowSilenceMilliseconds, bool Done, string Error);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ClientReport))]
internal sealed partial class ClientJson : JsonSerializerContext;
