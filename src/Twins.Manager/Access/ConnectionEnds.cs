using System.Collections.Frozen;
using System.Diagnostics.Metrics;

namespace Twins.Manager.Access;

/// <summary>
/// Hears how connections end, from the server's own measurement <c>kestrel.connection.duration</c>, and tells of those that the
/// server ended for what came in: no TLS, no certificate of ours, no HTTP/2. The server itself says so only at a level that would
/// let anybody fill the log.
/// </summary>
internal sealed class ConnectionEnds : IDisposable
{
    /// <summary>The tag by which a measurement carries its connection's <see cref="ListenerFeature"/>.</summary>
    public const string SenderTag = "twins.sender";

    // Ends that the best of callers may have: it died, the link broke, or this server stopped.
    private static readonly FrozenSet<string> Ordinary = FrozenSet.Create(
        "aborted_by_app", "app_shutdown_timeout", "connection_reset", "error_after_starting_response", "io_error", "keep_alive_timeout",
        "min_response_data_rate", "server_timeout", "write_canceled");

    private readonly RefusalLog _refusals;
    private readonly MeterListener _listener = new();

    /// <summary>To be made before the server starts.</summary>
    public ConnectionEnds(RefusalLog refusals, IMeterFactory meters)
    {
        _refusals = refusals;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // Of this server: there may be others in the process.
            if (instrument.Name == "kestrel.connection.duration" && ReferenceEquals(instrument.Meter.Scope, meters))
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>((_, _, tags, _) => Hear(tags));
        _listener.Start();
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private void Hear(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        ListenerFeature? connection = null;
        string? end = null;
        foreach (var (name, value) in tags)
        {
            if (name == SenderTag)
                connection = value as ListenerFeature;
            if (name == "error.type")
                end = value as string;
        }

        if (connection?.Refusal is { } refusal)
            _refusals.Tell(RefusalKind.Connection, connection.Sender, $"a connection: {refusal.What}", refusal.Reason);
        else if (end is not null && !Ordinary.Contains(end))
            _refusals.Tell(RefusalKind.Connection, connection?.Sender ?? "Somebody", $"a connection ({connection?.Kind.ToString() ?? "any"}): {end.Replace('_', ' ')}");
        // Without TLS the server waits for a line of HTTP/1, and takes the end of less for no fault.
        else if (connection is { Kind: ListenerKind.Local, HasCalled: false })
            _refusals.Tell(RefusalKind.Connection, connection.Sender, $"a connection ({connection.Kind}): it ended without a call");
    }
}
