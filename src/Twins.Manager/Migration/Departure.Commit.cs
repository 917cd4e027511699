using System.Diagnostics;
using Twins.Manager.Nodes;
using Twins.Protocol;
using Twins.Table;
using Outcome = Twins.Protocol.QueryMigrationReply.Types.Outcome;

namespace Twins.Manager.Migration;

/// <content>Steps 7 and 8: commit and release.</content>
internal sealed partial class Departure
{
    private async Task<CommitReply> CommitAsync()
    {
        _clock.Begin(MigrationSteps.Commit);
        CommitReply commit;
        try
        {
            commit = await destination.CommitAsync(new CommitRequest { MigrationId = migrationId, Epoch = _epoch }, CancellationToken.None);
        }
        catch (NodeException e)
        {
            // Also a refusal: a COMMIT that was repeated on the way is refused when the first one was carried out.
            commit = await ResolveAsync(e);
        }

        // Since it runs the destination has told home, and noted it.
        _frozenFor = Stopwatch.GetElapsedTime(_frozenSince) - TimeSpan.FromMilliseconds(commit.SwitchMilliseconds);
        _heldFor = Stopwatch.GetElapsedTime(_holdStarted);
        return commit;
    }

    /// <summary>The answer to COMMIT is lost, or no answer: only the destination knows.</summary>
    private async Task<CommitReply> ResolveAsync(NodeException lost)
    {
        var started = Stopwatch.GetTimestamp();
        var told = false;
        parts.Verdicts.Discard(record.Id);
        while (true)
        {
            var outcome = parts.Verdicts.Take(record.Id) switch
            {
                true => Outcome.Committed,
                false => Outcome.Aborted,
                // Home, where this is home, may have been told by the destination meanwhile.
                null when parts.Registry.FindById(record.Id)?.Epoch >= _epoch => Outcome.Committed,
                null => await QueryAsync(),
            };
            switch (outcome)
            {
                case Outcome.Committed:
                    return new CommitReply();
                case Outcome.Aborted or Outcome.Unknown:
                    await UndoAsync(lost);
                    throw ToStepException(lost);
                case Outcome.Prepared:
                    try
                    {
                        return await destination.CommitAsync(new CommitRequest { MigrationId = migrationId, Epoch = _epoch }, CancellationToken.None);
                    }
                    catch (NodeException)
                    {
                        break;
                    }
            }

            if (!told && Stopwatch.GetElapsedTime(started) > parts.Options.CommitWait)
            {
                told = true;
                var note = $"Node '{destination.Name}' may or may not have taken over at {DateTimeOffset.Now:u}; it can't be asked. Resolves itself when it can.";
                parts.Log.InDoubt(migrationId, record.Id, lost.Message);
                parts.Registry.TryMark(record, ProcessState.InDoubt, note);
                report(new MigrationEvent
                {
                    Failure = new MigrationFailure { Phase = Step, Code = "in-doubt", Message = $"{note} A person can decide with 'twins resolve {record.Name} --run-here|--gone'.", InDoubt = true },
                });
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200));
        }
    }

    /// <summary>Null when the destination can't be reached.</summary>
    private async Task<Outcome?> QueryAsync()
    {
        try
        {
            return (await destination.QueryMigrationAsync(new QueryMigrationRequest { MigrationId = migrationId }, CancellationToken.None)).Outcome;
        }
        catch (NodeException)
        {
            return null;
        }
    }

    private async Task ReleaseAsync()
    {
        _clock.Begin(MigrationSteps.Release);
        if (_freeze is not null)
            await _freeze.DisposeAsync();
        await _dump!.CompleteAsync(CancellationToken.None);
        await _dump.DisposeAsync();
        if (_hosted is not null)
            await parts.Host.RemoveAsync(_hosted);
        parts.Registry.Departed(record, home.Name);
        if (home.Name == parts.Identity.Name)
        {
            await parts.Home.ReserveAsync(record.Id, CancellationToken.None);
            _ = Task.Run(() => parts.FollowDepartedAsync(record, migrationId, destination.Name));
        }

        parts.Paths.RemoveImages(_images);
        _clock.End();
    }
}
