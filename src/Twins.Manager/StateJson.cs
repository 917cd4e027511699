using System.Text.Json.Serialization;
using Twins.Manager.Checkpoint;
using Twins.Manager.Cluster;

namespace Twins.Manager;

/// <summary>The files that are kept as JSON below the state directory.</summary>
[JsonSerializable(typeof(IEnumerable<KnownNodeEntry>))]
[JsonSerializable(typeof(List<StoredToken>))]
[JsonSerializable(typeof(CriuProbeResult))]
internal sealed partial class StateJson : JsonSerializerContext;
