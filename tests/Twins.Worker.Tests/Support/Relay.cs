using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using Twins.Diversion;
using Twins.Diversion.Linux;
using Twins.Packets;
using Twins.Protocol;
using Endpoint = Twins.Protocol.Endpoint;

namespace Twins.Worker.Tests;

/// <summary>
/// A process that has moved: its home half on home, its host half on host, its cabin there with the home address. Listener H:7000,
/// leg N:61000. The test does what both twinsd would.
/// </summary>
internal sealed class Relay : IDisposable
{
    public const string Process = "p1";
    public const int Queue = 9;
    public const int Port = 7000;
    private static readonly Twins.Packets.Endpoint HostLeg = Twins.Packets.Endpoint.Parse("10.99.0.3:61000");

    private readonly string _folder = Directory.CreateTempSubdirectory("twin").FullName;
    private readonly List<IDisposable> _things = [];
    private readonly FileDescriptor _tun;
    private readonly string[] _homeOptions;
    private readonly string[] _hostOptions;
    private uint _homePort = 62_000;
    private int _started;

    public Relay(params string[] options) : this(options, options)
    {
    }

    public Relay(string[] homeOptions, string[] hostOptions)
    {
        (_homeOptions, _hostOptions) = (homeOptions, hostOptions);
        Network = new TestNetwork();
        (Cabin, _tun) = Network.AddCabin();
        TestNetwork.CountResets(Network.Peer);
        HomeRules = Rules(Network.Home);
        HostRules = Rules(Network.Host);
        HomeRules.Add(Queue, [DivertTarget.LegSource(IpProtocol.Tcp, HostLeg)]);
        HostRules.Add(Queue, [DivertTarget.LegDestination(IpProtocol.Tcp, HostLeg)]);
        StartHome();
        StartHost();
    }

    public TestNetwork Network { get; }

    public string Cabin { get; }

    public DivertRules HomeRules { get; }

    public DivertRules HostRules { get; }

    public TwinProgram HomeTwin { get; private set; } = null!;

    public TwinProgram HostTwin { get; private set; } = null!;

    public TwinClient Home { get; private set; } = null!;

    public TwinClient Host { get; private set; } = null!;

    public List<Flow> Flows { get; } = [];

    public static Listener ListenerAt(int port) => new() { Transport = Transport.Tcp, Local = At("10.99.0.2", port) };

    public static Endpoint At(string address, int port) => new() { Address = ByteString.CopyFrom(IPAddress.Parse(address).GetAddressBytes()), Port = (uint)port };

    public static Endpoint At(EndPoint endpoint) => At(((IPEndPoint)endpoint).Address.ToString(), ((IPEndPoint)endpoint).Port);

    public void StartHome()
    {
        HomeTwin = Keep(new TwinProgram(Network.Home, NextPath(), Queue, _homeOptions));
        Home = Keep(new TwinClient(HomeTwin.ControlPath));
    }

    public void StartHost()
    {
        HostTwin = Keep(new TwinProgram(Network.Host, NextPath(), Queue, _hostOptions));
        Host = Keep(new TwinClient(HostTwin.ControlPath));
    }

    /// <summary>Another twinsd comes to home's twin.</summary>
    public TwinClient NewHomeClient() => Home = Keep(new TwinClient(HomeTwin.ControlPath));

    /// <summary>No cabin: the guest listens at N:7000. The rule stands for what captures and guards on Windows.</summary>
    public bool IsOnNode { get; init; }

    /// <summary>Tells the host half all there is to know.</summary>
    public void Hosted(ulong epoch = 2, bool ready = true)
    {
        Host.Do(Process, epoch, request =>
        {
            request.Host = new Host { Home = At("10.99.0.2", 0), Guest = IsOnNode ? At("10.99.0.3", 0) : null };
            request.Host.HostLegs.Add(At("10.99.0.3", 61_000));
            request.Host.Flows.Add(Flows);
            request.Host.Listeners.Add(ListenerAt(Port));
        }, IsOnNode ? null : _tun);
        if (ready)
            Host.Do(Process, epoch, request => request.HostReady = new HostReady());
    }

    /// <summary>Tells the home half all there is to know.</summary>
    public TwinReply Migrated(ulong epoch = 2, bool listener = true)
    {
        var reply = Home.Do(Process, epoch, request =>
        {
            request.Migrated = new Migrated();
            request.Migrated.Flows.Add(Flows);
            if (listener)
                request.Migrated.Listeners.Add(ListenerAt(Port));
        });
        if (listener)
            HomeRules.Add(Queue, [DivertTarget.Listener(IpProtocol.Tcp, Twins.Packets.Endpoint.Parse("10.99.0.2:7000"))]);
        return reply;
    }

    /// <summary>Everything, ready for peers to connect.</summary>
    public void Start()
    {
        Hosted();
        Migrated();
    }

    /// <summary>Answers the next question of one half by giving both a flow.</summary>
    public Flow Answer(TwinClient asked, FlowRequested.Types.Origin origin, ulong epoch = 2)
    {
        var question = asked.NextEvent("a flow asked for");
        Assert.AreEqual(Process, question.ProcessId);
        Assert.AreEqual(origin, question.FlowRequested.Origin);
        var flow = new Flow { Connection = question.FlowRequested.Connection, HomeLeg = At("10.99.0.2", (int)_homePort++), HostLeg = At("10.99.0.3", 61_000) };
        Flows.Add(flow);
        var connection = flow.Connection;
        HomeRules.Add(Queue, [DivertTarget.Connection(IpProtocol.Tcp, Value(connection.Local), Value(connection.Peer))]);
        Host.Do(Process, epoch, request => (request.AddFlows = new AddFlows()).Flows.Add(flow));
        Home.Do(Process, epoch, request => (request.AddFlows = new AddFlows()).Flows.Add(flow));
        return flow;
    }

    /// <summary>The next flow gets home's end of the leg that the last one had.</summary>
    public void ReuseLeg() => _homePort--;

    /// <summary>A peer's connection to the process in the cabin.</summary>
    public (Socket Peer, Socket Process) Connect(Socket listener)
    {
        var peer = Keep(TestNetwork.NewTcp(Network.Peer));
        var connecting = peer.ConnectAsync(TestNetwork.HomeAddress, Port);
        Answer(Home, FlowRequested.Types.Origin.Peer);
        var accepted = Keep(listener.Accept());
        accepted.ReceiveTimeout = accepted.SendTimeout = 20_000;
        accepted.NoDelay = true;
        Assert.IsTrue(connecting.Wait(TimeSpan.FromSeconds(20)));
        return (peer, accepted);
    }

    /// <summary>What the guest sends at the host is taken, or dropped.</summary>
    public Socket ListenOnNode()
    {
        Shell.Run($"iptables -t mangle -A OUTPUT -p tcp -s 10.99.0.3 --sport {Port} -j NFQUEUE --queue-num {Queue}", Network.Host);
        return Keep(TestNetwork.Listen(Network.Host, TestNetwork.HostAddress, Port));
    }

    public Socket ListenInCabin() => Keep(TestNetwork.Listen(Cabin, TestNetwork.HomeAddress, Port));

    public void AssertNoResets() => Assert.AreEqual(0, TestNetwork.ResetsSeen(Network.Peer), "RST seen by the peer");

    public T Keep<T>(T thing) where T : IDisposable
    {
        _things.Add(thing);
        return thing;
    }

    public void Dispose()
    {
        _things.Reverse();
        _things.ForEach(thing => thing.Dispose());
        _tun.Dispose();
        HomeRules.Dispose();
        HostRules.Dispose();
        Network.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static Twins.Packets.Endpoint Value(Endpoint endpoint) => new(InternetAddress.FromBytes(endpoint.Address.Span), (ushort)endpoint.Port);

    private static DivertRules Rules(string machine)
    {
        var rules = DivertRules.Open(machine);
        rules.Install();
        rules.AddQueue(Queue);
        return rules;
    }

    private string NextPath() => Path.Combine(_folder, $"{++_started}.sock");
}
