using Grpc.Core;

namespace Twins.Manager.Audit;

/// <summary>A stream to the caller whose messages the audit hears too.</summary>
internal sealed class WatchedStream<T>(IServerStreamWriter<T> stream, CallAudit audit) : IServerStreamWriter<T>
    where T : class
{
    public WriteOptions? WriteOptions
    {
        get => stream.WriteOptions;
        set => stream.WriteOptions = value;
    }

    public Task WriteAsync(T message)
    {
        audit.Hear(message);
        return stream.WriteAsync(message);
    }

    public Task WriteAsync(T message, CancellationToken cancellationToken)
    {
        audit.Hear(message);
        return stream.WriteAsync(message, cancellationToken);
    }
}
