using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Twins.Diversion.Linux;

namespace Twins.Diversion.Tests;

/// <summary>
/// Three machines on one switch, each a network namespace of its own: peer 10.99.0.1, home 10.99.0.2, host 10.99.0.3; on request a
/// cabin: a namespace with home's address on its loopback device and <c>twins0</c> as the way out.
/// </summary>
internal sealed class TestNetwork : IDisposable
{
    public static readonly IPAddress PeerAddress = IPAddress.Parse("10.99.0.1");
    public static readonly IPAddress HomeAddress = IPAddress.Parse("10.99.0.2");
    public static readonly IPAddress HostAddress = IPAddress.Parse("10.99.0.3");

    private static int _made;
    private readonly string _prefix = string.Create(CultureInfo.InvariantCulture, $"tw{Environment.ProcessId}x{Interlocked.Increment(ref _made)}");
    private readonly List<string> _names = [];

    public TestNetwork()
    {
        Switch = Add("switch");
        Peer = Add("peer");
        Home = Add("home");
        Host = Add("host");
        var script = $"ip -n {Name("switch")} link add name br0 type bridge\nip -n {Name("switch")} link set br0 up\n";
        var number = 1;
        foreach (var machine in new[] { "peer", "home", "host" })
            script += Plug(machine, number++);
        Shell.Run(script);
    }

    public string Switch { get; }

    public string Peer { get; }

    public string Home { get; }

    public string Host { get; }

    /// <summary>Makes a cabin and gives its namespace and the descriptor of its TUN device.</summary>
    public (string Path, FileDescriptor Tun) AddCabin(string name = "cabin")
    {
        var path = Add(name);
        var tun = Tun.Create("twins0", path);
        Shell.Run($"ip link set lo up\nip addr add {HomeAddress}/32 dev lo\nip link set twins0 up\nip route add default dev twins0 src {HomeAddress}", path);
        return (path, tun);
    }

    /// <summary>Makes a router, 10.99.0.9, and sends through it what home and host have for each other. Packets up to that size get through.</summary>
    public string AddRouter(int mtu = 1500)
    {
        var path = Add("router");
        Shell.Run(Plug("router", 9));
        Shell.Run($"sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0 net.ipv4.icmp_ratelimit=0\n"
            + $"ip route add {HomeAddress} dev eth0 mtu {mtu}\nip route add {HostAddress} dev eth0 mtu {mtu}", path);
        Shell.Run($"ip route add {HostAddress} via 10.99.0.9", Home);
        Shell.Run($"ip route add {HomeAddress} via 10.99.0.9", Host);
        return path;
    }

    /// <summary>Counts TCP segments with RST that come to a machine.</summary>
    public static void CountResets(string machine) => Shell.Run(
        "nft 'add table inet watch; add counter inet watch resets; add chain inet watch in { type filter hook prerouting priority -400; }; add rule inet watch in tcp flags & rst == rst counter name resets'",
        machine);

    public static long ResetsSeen(string machine)
    {
        var words = Shell.Run("nft list counter inet watch resets", machine).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return long.Parse(words[Array.IndexOf(words, "packets") + 1], CultureInfo.InvariantCulture);
    }

    /// <summary>A listening TCP socket inside a machine.</summary>
    public static Socket Listen(string machine, IPAddress address, int port, int backlog = 128) => NetworkNamespace.Run(machine, () =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(new IPEndPoint(address, port));
        socket.Listen(backlog);
        return socket;
    });

    /// <summary>A TCP socket inside a machine, not connected yet.</summary>
    public static Socket NewTcp(string machine) => NetworkNamespace.Run(machine, () =>
        new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 20_000, SendTimeout = 20_000 });

    /// <summary>Closes a connected socket without a word to the other end, as a power cut does.</summary>
    public static void Vanish(string machine, Socket socket)
    {
        Shell.Run("nft 'add table inet mute; add chain inet mute out { type filter hook output priority -400; }; add rule inet mute out tcp flags & rst == rst drop'", machine);
        socket.LingerState = new LingerOption(true, 0);
        socket.Close();
        Shell.Run("nft delete table inet mute", machine);
    }

    /// <summary>A bound UDP socket inside a machine.</summary>
    public static Socket NewUdp(string machine, IPAddress address, int port) => NetworkNamespace.Run(machine, () =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 20_000, ReceiveBufferSize = 1 << 20 };
        socket.Bind(new IPEndPoint(address, port));
        return socket;
    });

    public void Dispose()
    {
        foreach (var name in _names)
        {
            try
            {
                Shell.Run($"ip netns del {name}");
            }
            catch (InvalidOperationException)
            {
                // The others still have to go.
            }
        }
    }

    private string Plug(string machine, int number) => $"ip -n {Name(machine)} link set lo up\n"
        + $"ip -n {Name(machine)} link add eth0 type veth peer name {machine} netns {Name("switch")}\n"
        + $"ip -n {Name("switch")} link set {machine} master br0 up\n"
        + $"ip -n {Name(machine)} addr add 10.99.0.{number}/24 dev eth0\n"
        + $"ip -n {Name(machine)} link set eth0 up\n";

    private string Name(string machine) => $"{_prefix}-{machine}";

    private string Add(string machine)
    {
        Shell.Run($"ip netns add {Name(machine)}");
        _names.Add(Name(machine));
        return $"/run/netns/{Name(machine)}";
    }
}
