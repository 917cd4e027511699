using Twins.Protocol;

namespace Twins.Worker;

/// <summary>A flow that was asked for and not answered yet.</summary>
/// <param name="Origin">Who opens the connection.</param>
/// <param name="AskedAtMilliseconds">When, by the monotonic clock.</param>
internal readonly record struct PendingFlow(FlowRequested.Types.Origin Origin, long AskedAtMilliseconds);
