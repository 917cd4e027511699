using Twins.Packets;

namespace Twins.Redirection.Tests;

/// <summary>The names of one redirected connection, and the tables of the two nodes that carry it.</summary>
internal static class Names
{
    public const string Peer = "192.0.2.1:40000";
    public const string OtherPeer = "192.0.2.9:50000";
    public const string Home = "10.77.0.2:80";
    public const string HomeLeg = "10.77.0.2:61001";
    public const string HostLeg = "10.77.0.3:61002";
    public const int Process = 4;

    public static readonly Side InCabin = Side.Cabin(0);

    public static FiveTuple Tcp(string source, string destination) => new(IpProtocol.Tcp, Endpoint.Parse(source), Endpoint.Parse(destination));

    public static FiveTuple Udp(string source, string destination) => new(IpProtocol.Udp, Endpoint.Parse(source), Endpoint.Parse(destination));

    public static Listener Listening(ListenerState state, IpProtocol protocol = IpProtocol.Tcp) =>
        new(protocol, Endpoint.Parse(Home), state, Process);

    /// <summary>Home, before the process has left: inbound held.</summary>
    public static FlowTable HomeHolding(ListenerState listener = ListenerState.Hold) => FlowTable.Empty.ToBuilder()
        .Set(Tcp(Peer, Home), Route.Hold(Side.Network, Process))
        .Set(Listening(listener))
        .Build();

    /// <summary>Home, before the commit point: inbound held, the way back open.</summary>
    public static FlowTable HomeWithLegs => HomeHolding().ToBuilder()
        .Set(Tcp(HostLeg, HomeLeg), Route.Forward(Tcp(Home, Peer), Side.Network, Side.Network, Process))
        .Add(new Leg(IpProtocol.Tcp, Endpoint.Parse(HostLeg)))
        .Build();

    /// <summary>Home, after the commit point.</summary>
    public static FlowTable HomeRedirecting => HomeWithLegs.ToBuilder()
        .Set(Tcp(Peer, Home), Route.Forward(Tcp(HomeLeg, HostLeg), Side.Network, Side.Network, Process))
        .Set(Listening(ListenerState.RequestFlow))
        .Build();

    /// <summary>Host, before it is ready: inbound dropped, outbound open.</summary>
    public static FlowTable HostPrepared => FlowTable.Empty.ToBuilder()
        .Set(Tcp(HomeLeg, HostLeg), Route.Forward(Tcp(Peer, Home), Side.Network, InCabin, Process).WithDrop(DropReason.HostNotReady))
        .Set(Tcp(Home, Peer), Route.Forward(Tcp(HostLeg, HomeLeg), InCabin, Side.Network, Process))
        .Set(new Cabin(0, InternetAddress.Parse("10.77.0.2"), Process))
        .Add(new Leg(IpProtocol.Tcp, Endpoint.Parse(HostLeg)))
        .Build();

    /// <summary>Host, serving.</summary>
    public static FlowTable HostReady => HostPrepared.With(
        Tcp(HomeLeg, HostLeg), HostPrepared.FindRoute(Tcp(HomeLeg, HostLeg))!.WithForward());
}
