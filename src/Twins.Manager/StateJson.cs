using System.Text.Json.Serialization;
using Twins.Manager.Access.Sessions;
using Twins.Manager.Audit;
using Twins.Manager.Checkpoint;
using Twins.Manager.Cluster;

namespace Twins.Manager;

/// <summary>The files that are kept as JSON below the state directory.</summary>
[JsonSerializable(typeof(IEnumerable<KnownNodeEntry>))]
[JsonSerializable(typeof(List<StoredToken>))]
[JsonSerializable(typeof(CriuProbeResult))]
[JsonSerializable(typeof(List<PageSession>))]
[JsonSerializable(typeof(AuditLine))]
internal sealed partial class StateJson : JsonSerializerContext;
