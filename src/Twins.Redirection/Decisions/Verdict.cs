using Twins.Packets;

namespace Twins.Redirection;

/// <summary>What was decided about one packet, and what is needed to carry it out.</summary>
public readonly record struct Verdict
{
    private Verdict(VerdictKind kind, Route? route, int process, DropReason reason)
    {
        Kind = kind;
        Route = route;
        Process = process;
        Reason = reason;
    }

    /// <summary>What to do.</summary>
    public VerdictKind Kind { get; }

    /// <summary>The route: always with <see cref="VerdictKind.Rewrite"/> and <see cref="VerdictKind.RewriteQuoted"/>, else if one decided.</summary>
    public Route? Route { get; }

    /// <summary>The mobile process's slot; -1 if the packet can't be put to one.</summary>
    public int Process { get; }

    /// <summary>Why the packet is dropped; <see cref="DropReason.None"/> if it isn't.</summary>
    public DropReason Reason { get; }

    /// <summary>
    /// Carries out <see cref="VerdictKind.Rewrite"/> and <see cref="VerdictKind.RewriteQuoted"/>: changes the packet in place, counts it, and lets
    /// the route's lifetime see it. Other verdicts change nothing.
    /// </summary>
    /// <param name="packet">The packet that was decided about.</param>
    /// <param name="checksum">What its transport checksum field holds.</param>
    /// <param name="nowMilliseconds">The caller's monotonic clock.</param>
    public void Apply(in PacketView packet, ChecksumState checksum, long nowMilliseconds)
    {
        if (Route is null)
            return;
        if (Kind == VerdictKind.Rewrite)
        {
            if (Route.Lifetime is not null && packet.IsTcp)
                Route.Lifetime.Observe(packet.Tcp, Route.Direction, nowMilliseconds);
            packet.Rewrite(Route.Target, checksum);
            Route.Counters.Count(packet.Length);
        }
        else if (Kind == VerdictKind.RewriteQuoted)
        {
            packet.RewriteQuoted(Route.Target.Reversed, Route.Target.Source.Address, Route.Target.Destination.Address);
            Route.Counters.Count(packet.Length);
        }
    }

    internal static Verdict Pass { get; } = new(VerdictKind.Pass, null, -1, DropReason.None);

    internal static Verdict Hold(int process, Route? route = null) => new(VerdictKind.Hold, route, process, DropReason.None);

    internal static Verdict Drop(DropReason reason, int process = -1, Route? route = null) => new(VerdictKind.Drop, route, process, reason);

    internal static Verdict Rewrite(Route route) => new(VerdictKind.Rewrite, route, route.Process, DropReason.None);

    internal static Verdict RewriteQuoted(Route route) => new(VerdictKind.RewriteQuoted, route, route.Process, DropReason.None);

    internal static Verdict RequestFlow(int process) => new(VerdictKind.RequestFlow, null, process, DropReason.None);
}
