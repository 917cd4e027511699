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
        [nameof(LocalApi.LocalApiClient.PauseRedirecting)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.ResumeRedirecting)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.Resolve)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.WatchPackets)] = AccessLevel.Change, // who talks to whom, and payload
        [nameof(LocalApi.LocalApiClient.ExplainProcess)] = AccessLevel.Read,
        [nameof(LocalApi.LocalApiClient.Diagnose)] = AccessLevel.Change, // it may remove leftovers
        [nameof(LocalApi.LocalApiClient.ClusterInit)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.ClusterToken)] = AccessLevel.Change,
        [nameof(LocalApi.LocalApiClient.ClusterJoin)] = AccessLevel.Change,
        [nameof(PageApi.PageApiClient.OpenPage)] = AccessLevel.Read, // the login has the caller's rights
        [nameof(PageApi.PageApiClient.PageReady)] = AccessLevel.Page,
        [nameof(PageApi.PageApiClient.Login)] = AccessLevel.Page,
        [nameof(PageApi.PageApiClient.ReadMetrics)] = AccessLevel.Page,
        [nameof(PageApi.PageApiClient.ReadSession)] = AccessLevel.Read,
        [nameof(PageApi.PageApiClient.Logout)] = AccessLevel.Read,
        [nameof(PageApi.PageApiClient.Watch)] = AccessLevel.Read,
        [nameof(PageApi.PageApiClient.ReadSettings)] = AccessLevel.Read,
        [nameof(PageApi.PageApiClient.CheckMigration)] = AccessLevel.Inspect,
        [nameof(PageApi.PageApiClient.ReadLog)] = AccessLevel.Inspect,
        [nameof(PageApi.PageApiClient.ReadAudit)] = AccessLevel.Inspect,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>What the admin page's program may ask for in the name of somebody who is logged in: what the page offers, and no more.</summary>
    public static readonly FrozenSet<string> OfferedOnThePage = FrozenSet.Create(
        StringComparer.Ordinal,
        nameof(LocalApi.LocalApiClient.ListProcesses),
        nameof(LocalApi.LocalApiClient.ShowProcess),
        nameof(LocalApi.LocalApiClient.ListNodes),
        nameof(LocalApi.LocalApiClient.Migrate),
        nameof(LocalApi.LocalApiClient.CancelMigration),
        nameof(LocalApi.LocalApiClient.Hold),
        nameof(LocalApi.LocalApiClient.Release),
        nameof(PageApi.PageApiClient.PageReady),
        nameof(PageApi.PageApiClient.Login),
        nameof(PageApi.PageApiClient.ReadMetrics),
        nameof(PageApi.PageApiClient.ReadSession),
        nameof(PageApi.PageApiClient.Logout),
        nameof(PageApi.PageApiClient.Watch),
        nameof(PageApi.PageApiClient.ReadSettings),
        nameof(PageApi.PageApiClient.CheckMigration),
        nameof(PageApi.PageApiClient.ReadLog),
        nameof(PageApi.PageApiClient.ReadAudit));
}
