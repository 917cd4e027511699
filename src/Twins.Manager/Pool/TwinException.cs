using Twins.Protocol;

namespace Twins.Manager.Pool;

/// <summary>A twin that refused a request, is gone, or doesn't answer.</summary>
internal sealed class TwinException : Exception
{
    private TwinException(string message, TwinError error, Exception? inner)
        : base(message, inner) => Error = error;

    /// <summary>What the twin answered; <see cref="TwinError.TwinFailed"/> when it didn't.</summary>
    public TwinError Error { get; }

    /// <summary>The twin answered with an error.</summary>
    public static TwinException Refused(TwinRequest request, TwinReply reply) =>
        new($"The twin refused {request.CommandCase} for {request.ProcessId}: {reply.Error} {reply.Message}", reply.Error, null);

    /// <summary>The control connection is closed.</summary>
    public static TwinException Gone(TwinRequest request, Exception? inner = null) =>
        new($"The twin is gone ({request.CommandCase} for {request.ProcessId}).", TwinError.TwinFailed, inner);

    /// <summary>No answer in time.</summary>
    public static TwinException Silent(TwinRequest request, TimeSpan waited, Exception inner) =>
        new($"The twin didn't answer {request.CommandCase} for {request.ProcessId} within {waited.TotalSeconds:0} s.", TwinError.TwinFailed, inner);
}
