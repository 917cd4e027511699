using Twins.Packets;

namespace Twins.Redirection;

/// <summary>
/// What happens to the packets of one tuple, in one direction. Immutable but for <see cref="Counters"/> and
/// <see cref="Lifetime"/>, which the data thread alone writes and which the routes made by <c>With...</c> share.
/// </summary>
public sealed record Route
{
    private Route(RouteState state, FiveTuple target, Side arrival, Side egress, int process, DropReason reason)
    {
        State = state;
        Target = target;
        Arrival = arrival;
        Egress = egress;
        Process = process;
        Reason = reason;
    }

    /// <summary>What happens.</summary>
    public RouteState State { get; private init; }

    /// <summary>The tuple that leaves; meaningful when forwarding.</summary>
    public FiveTuple Target { get; private init; }

    /// <summary>Where packets of the tuple come from; on any other side they are dropped.</summary>
    public Side Arrival { get; private init; }

    /// <summary>Where packets go; meaningful when forwarding.</summary>
    public Side Egress { get; private init; }

    /// <summary>The mobile process's slot; the caller says what the number means.</summary>
    public int Process { get; private init; }

    /// <summary>Why packets are dropped; <see cref="DropReason.None"/> when they are not.</summary>
    public DropReason Reason { get; private init; }

    /// <summary>What has been forwarded.</summary>
    public FlowCounters Counters { get; private init; } = new();

    /// <summary>Follows the connection's end, if the caller wants that: the same object in the routes of both directions.</summary>
    public TcpLifetime? Lifetime { get; private init; }

    /// <summary>Which direction of <see cref="Lifetime"/> this is.</summary>
    public FlowDirection Direction { get; private init; }

    /// <summary>Its connection was closed by a process that has left: a segment that opens one anew is not for where the route leads.</summary>
    public bool IsLingering { get; private init; }

    /// <summary>Packets are rewritten to <paramref name="target"/> and leave by <paramref name="egress"/>.</summary>
    public static Route Forward(FiveTuple target, Side arrival, Side egress, int process) =>
        new(RouteState.Forward, target, arrival, egress, process, DropReason.None);

    /// <summary>Packets are held.</summary>
    public static Route Hold(Side arrival, int process) =>
        new(RouteState.Hold, default, arrival, default, process, DropReason.None);

    /// <summary>Packets are dropped.</summary>
    public static Route Drop(DropReason reason, Side arrival, int process) =>
        new(RouteState.Drop, default, arrival, default, process, reason);

    /// <summary>Packets are the local stack's, which brings a closed connection to its end.</summary>
    public static Route Pass(Side arrival, int process) =>
        new(RouteState.Pass, default, arrival, default, process, DropReason.None);

    /// <summary>The same route, forwarding to where it is told.</summary>
    public Route WithForward(FiveTuple target, Side egress) =>
        this with { State = RouteState.Forward, Target = target, Egress = egress, Reason = DropReason.None };

    /// <summary>The same route, holding. The target is kept for <see cref="WithForward()"/>.</summary>
    public Route WithHold() => this with { State = RouteState.Hold, Reason = DropReason.None };

    /// <summary>The same route, dropping. The target is kept for <see cref="WithForward()"/>.</summary>
    public Route WithDrop(DropReason reason) => this with { State = RouteState.Drop, Reason = reason };

    /// <summary>The same route, forwarding to the target that it had.</summary>
    /// <exception cref="InvalidOperationException">It never had one.</exception>
    public Route WithForward() => Target == default
        ? throw new InvalidOperationException("The route has no target.")
        : this with { State = RouteState.Forward, Reason = DropReason.None };

    /// <summary>The same route, for what is left of a connection.</summary>
    public Route WithLingering() => this with { IsLingering = true };

    /// <summary>The same route, its segments observed by <paramref name="lifetime"/>.</summary>
    public Route WithLifetime(TcpLifetime lifetime, FlowDirection direction) =>
        this with { Lifetime = lifetime, Direction = direction };
}
