using Twins.Manager.Migration;
using Twins.Manager.Nodes;
using Twins.Manager.Registry;
using Twins.Protocol;
using Twins.Table;
using Outcome = Twins.Protocol.QueryMigrationReply.Types.Outcome;

namespace Twins.Manager.Admin;

/// <content>What happens while a process is held or redirected: time passes, the destination decides, twinsd starts again.</content>
internal sealed partial class ManualRedirection
{
    /// <summary>After a restart: what is held stays held, and a redirection goes on.</summary>
    public async Task RecoverAsync()
    {
        foreach (var row in table.ListUndecidedMigrations().Where(r => r.Role == MigrationRole.Source && r.Phase == MigrationSteps.Redirect))
        {
            // One whose record is gone, or at a later epoch, is followed too: the destination knows how it ended.
            if (registry.FindById(row.ProcessId) is not { } record)
                continue;
            if (!nodes.Names.Contains(row.Peer))
                continue;
            var redirection = new Redirection(nodes.Get(row.Peer), row.MigrationId);
            _redirecting[record.Id] = redirection;
            _ = Task.Run(() => FollowAsync(record with { Epoch = row.Epoch - 1 }, redirection), CancellationToken.None);
        }

        foreach (var record in registry.List().Where(r => r.State == ProcessState.Held && !_redirecting.ContainsKey(r.Id)))
            await AloneAsync(() => Task.FromResult(ExpectRedirect(record, "Held by hand")));
    }

    /// <summary>Marks the process as held and sets the time for what is to follow.</summary>
    private bool ExpectRedirect(ProcessRecord record, string why)
    {
        registry.TryMark(
            record,
            ProcessState.Held,
            $"{why}; 'twins redirect' sends the packets to another node, 'twins release' lets them go. At {DateTimeOffset.Now + options.HandWait:u} they are released.");
        var hold = _holds[record.Id] = new object();
        _ = Task.Delay(options.HandWait).ContinueWith(
            _ => AloneAsync(async () => ReferenceEquals(_holds.GetValueOrDefault(record.Id), hold) && Now(record) is { State: ProcessState.Held } held && !_redirecting.ContainsKey(record.Id)
                ? await ReleaseNowAsync(held, $"Released at {DateTimeOffset.Now:u}: held by hand for {options.HandWait.TotalSeconds:0} s without a redirect.")
                : record),
            TaskScheduler.Default);
        return true;
    }

    private void Write(ProcessRecord record, Redirection redirection, MigrationOutcome outcome, string message = "") => table.TryPutMigration(new MigrationRow
    {
        MigrationId = redirection.MigrationId,
        Role = MigrationRole.Source,
        ProcessId = record.Id,
        Epoch = record.Epoch + 1,
        Peer = redirection.Node.Name,
        Phase = MigrationSteps.Redirect,
        Outcome = outcome,
        Message = message,
    });

    /// <summary>Until the destination has decided, or the process was released.</summary>
    private async Task FollowAsync(ProcessRecord record, Redirection redirection)
    {
        var node = redirection.Node;
        while (_redirecting.TryGetValue(record.Id, out var current) && ReferenceEquals(current, redirection))
        {
            await Task.Delay(LookAround);
            try
            {
                var outcome = (await node.QueryMigrationAsync(new QueryMigrationRequest { MigrationId = redirection.MigrationId }, CancellationToken.None)).Outcome;
                if (outcome is Outcome.Aborted or Outcome.Unknown)
                {
                    await AloneAsync(() => GivenUpAsync(record, redirection));
                    return;
                }

                if (outcome == Outcome.Committed)
                {
                    // Its ports can be kept only when the original no longer has them.
                    if (ProcessInspector.TryReadOriginal(record) is not null)
                        continue;
                    _redirecting.TryRemove(record.Id, out _);
                    Write(record, redirection, MigrationOutcome.Committed);
                    await home.ReserveAsync(record.Id, CancellationToken.None);
                    return;
                }
            }
            catch (Exception e) when (e is NodeException or Pool.TwinException)
            {
                LogNotFollowed(record.Name, node.Name, e.Message);
            }
        }
    }

    /// <summary>
    /// The process gets its packets back. If it is in another migrator's images only, they stay held for another try: given
    /// to a node without its sockets, they would be answered with RST.
    /// </summary>
    private async Task<ProcessRecord> GivenUpAsync(ProcessRecord record, Redirection redirection)
    {
        if (!ReferenceEquals(_redirecting.GetValueOrDefault(record.Id), redirection) || Now(record) is not { State: ProcessState.Held } held)
            return record;
        var note = $"Node '{redirection.Node.Name}' gave the redirection up; its log says why.";
        if (Read(held) is not null)
            return await ReleaseNowAsync(held, note);
        _redirecting.TryRemove(held.Id, out _);
        Write(held, redirection, MigrationOutcome.RolledBack, note);
        ExpectRedirect(held, $"{note} The process itself is gone from here");
        return Now(held);
    }

    private async Task AbortAsync(Redirection redirection, ProcessRecord record, string reason)
    {
        var node = redirection.Node;
        try
        {
            await node.AbortAsync(new AbortRequest { MigrationId = redirection.MigrationId, Reason = reason }, CancellationToken.None);
        }
        catch (NodeException e)
        {
            // It learns it when it asks home to switch the path, or when its time is over.
            LogNotFollowed(record.Name, node.Name, e.Message);
        }
    }

    private sealed record Redirection(INode Node, string MigrationId);
}
