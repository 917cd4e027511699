using System.Collections.Frozen;
using Twins.Protocol;

namespace Twins.Manager.Access;

/// <summary>What each method of the local API asks of its caller. A method that isn't here is refused to everybody.</summary>
internal static class MethodTable
{
    public static readonly FrozenDictionary<string, AccessLevel> Levels = new Dictionary<string, AccessLevel>(StringComparer.Ordinal)
    {
        [nameof(LocalApi.LocalApiClient.ListProcesses)] = AccessLevel.Read,
        [nameof(LocalApi.LocalApiClient.ShowProcess)] = AccessLevel.Read,
        [nameof(LocalApi.LocalApiClient.ListNodes)] = AccessLevel.Read,
        [nameof(LocalApi.LocalApiClient.Attach)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.Migrate)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.CancelMigration)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.Hold)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.Redirect)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.Release)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.Resolve)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.WatchPackets)] = AccessLevel.Change, // who talks to whom, and payload
        [nameof(LocalApi.LocalApiClient.ExplainProcess)] = AccessLevel.Read,
        [nameof(LocalApi.LocalApiClient.Diagnose)] = AccessLevel.Change, // it may remove leftovers
        [nameof(LocalApi.LocalApiClient.ClusterInit)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.ClusterToken)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.ClusterJoin)] = AccessLevel.Change,
    }.ToFrozenDictionary(StringComparer.Ordinal);
}
