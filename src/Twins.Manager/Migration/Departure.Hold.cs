using System.Diagnostics;
using Twins.Manager.Checkpoint;
using Twins.Manager.Registry;
using Twins.Protocol;

namespace Twins.Manager.Migration;

/// <content>Steps 3 and 4: hold and checkpoint.</content>
internal sealed partial class Departure
{
    private const int DumpAttempts = 8;

    /// <summary>
    /// Holds, dumps and compares: a socket that was opened after the look and before the freeze is covered by no
    /// hold, so its data may be acknowledged behind the image's back. A connection that is half open at the freeze is in no
    /// image, and its peer may take it for open. Either way the dump is refused (the process runs on, unharmed) and made
    /// again. A connection that waits in a backlog makes CRIU refuse; the program gets time to accept it while new ones are held.
    /// </summary>
    private async Task HoldAndCheckpointAsync(CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            _clock.Begin(MigrationSteps.Hold);
            if (_endpoints.Listeners.Count > 0)
                await DrainBacklogsAsync(cancellation);
            _endpoints = ReadEndpoints();
            await HoldAsync(newOnly: false, cancellation);
            if (!_endpoints.Connections.SetEquals(_withLegs.Connections) || !_endpoints.Listeners.SetEquals(_withLegs.Listeners))
                await OpenLegsAsync(cancellation);
            if (_hosted is not null)
                await parts.Host.CloseAsync(_hosted, _endpoints.Lingering, cancellation);

            _clock.Begin(MigrationSteps.Checkpoint);
            Task<EndpointSet>? look = null;
            try
            {
                _dump = await parts.Checkpointer.BeginDumpAsync(
                    record.Pid, _images, _hosted?.Place.NamespacePath, () => look = Task.Run(ReadEndpoints, CancellationToken.None), cancellation);
            }
            catch (CheckpointException e) when (e.Code == CheckpointCode.InFlightConnections && attempt < DumpAttempts)
            {
                await LetPassAsync();
                continue;
            }

            _frozenSince = _dump.FrozenSince;
            var now = await look!;
            if (now.IsCoveredBy(_endpoints) && !now.HalfOpen.Except(_unanswered).Any())
            {
                await FollowChangesAsync(now, cancellation);
                _freeze = LongFreeze.Watch(record, _images, home, parts.Options.ZeroWindowAfter, cause => parts.Log.FreezeNotTold(migrationId, record.Id, cause));
                return;
            }

            if (attempt == DumpAttempts)
            {
                throw new StepException(
                    MigrationSteps.Checkpoint, "connections-keep-changing", $"The process opened new connections at each of {DumpAttempts} attempts to freeze it. Try again when it is less busy.");
            }

            await _dump.RefuseAsync(CancellationToken.None);
            await _dump.DisposeAsync();
            _dump = null;
            await LetPassAsync();
        }
    }

    /// <summary>
    /// Between hold and freeze the program went on: what it accepted meanwhile needs a leg, and what it closed is no more in the
    /// image, so the stack that has it must bring it to its end. That may be a connection that was opened, answered and closed since
    /// the look before the hold.
    /// </summary>
    private async Task FollowChangesAsync(EndpointSet now, CancellationToken cancellation)
    {
        if (now.Connections.SetEquals(_endpoints.Connections) && now.Lingering.IsSubsetOf(_endpoints.Lingering))
            return;
        var closed = _endpoints.Connections.Except(now.Connections).ToList();
        _endpoints = now with { Lingering = now.Lingering.Union(closed).ToHashSet() };
        await HoldAsync(newOnly: false, cancellation);
        if (_hosted is not null)
            await parts.Host.CloseAsync(_hosted, _endpoints.Lingering, cancellation);
        await OpenLegsAsync(cancellation);
    }

    /// <summary>
    /// New connections are held, those under way get through and are accepted by the program. A peer that leaves its
    /// half-open connection at that doesn't stop the move.
    /// </summary>
    private async Task DrainBacklogsAsync(CancellationToken cancellation)
    {
        await HoldAsync(newOnly: true, cancellation);
        var started = Stopwatch.GetTimestamp();
        _endpoints = ProcessInspector.ReadEndpoints(_tree, record.HomeAddresses);
        while (_endpoints.HasBacklog && Stopwatch.GetElapsedTime(started) < parts.Options.BacklogDrain)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(2), cancellation);
            _endpoints = ProcessInspector.ReadEndpoints(_tree, record.HomeAddresses);
        }

        _unanswered = _endpoints.HalfOpen;
        if (_endpoints.HasUnaccepted)
        {
            throw new StepException(
                MigrationSteps.Hold,
                "backlog-not-drained",
                $"The program didn't accept the connections that wait on its listeners within {parts.Options.BacklogDrain.TotalSeconds:0} s. Let it accept them, then try again.");
        }
    }

    private async Task HoldAsync(bool newOnly, CancellationToken cancellation)
    {
        if (!newOnly && _dump is null)
            _holdStarted = Stopwatch.GetTimestamp();
        _holding = true;
        var request = new HoldEndpointsRequest
        {
            ProcessId = record.Id,
            Epoch = record.Epoch,
            NewConnectionsOnly = newOnly,
            Connections = { newOnly ? [] : _endpoints.Connections },
            Listeners = { _endpoints.Listeners },
            Lingering = { _hosted is null ? _endpoints.Lingering : [] },
        };
        await home.HoldEndpointsAsync(request, cancellation);
    }

    /// <summary>Another attempt needs the connections to move on first.</summary>
    private async Task LetPassAsync()
    {
        if (_hosted is not null)
            await parts.Host.OpenAsync(_hosted);
        await home.CancelHoldAsync(new CancelHoldRequest { ProcessId = record.Id, Epoch = record.Epoch }, CancellationToken.None);
        _holding = false;
        _withLegs = EndpointSet.Empty;
        _endpoints = ReadEndpoints();
    }

    private EndpointSet ReadEndpoints() => ProcessInspector.ReadEndpoints(parts.Processes.ReadTree(record), record.HomeAddresses);
}
