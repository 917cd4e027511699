using System.Net;
using System.Net.Sockets;
using Twins.Diversion.Linux;

namespace Twins.Manager.Tests.Checkpoint;

/// <summary>Three machines' networks: peer 10.98.1.1 with a link to home and one to host; both have the program's address 10.98.9.9.</summary>
internal sealed class TestNetwork : IDisposable
{
    public static readonly IPAddress ProgramAddress = IPAddress.Parse("10.98.9.9");
    private static int s_count;

    public TestNetwork()
    {
        Folder = Directory.CreateDirectory($"/tmp/twins-criu-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}").FullName;
        foreach (var name in new[] { Peer, Home, Host })
        {
            NetworkNamespace.Create(name);
            Shell.Run(name, "ip link set lo up\nfor i in all default; do echo 0 > /proc/sys/net/ipv4/conf/$i/rp_filter; done");
        }

        Shell.Run(Peer, $"""
            ip link add toHome type veth peer name e netns {Home}
            ip addr add 10.98.1.1/24 dev toHome
            ip link set toHome up
            ip link add toHost type veth peer name e netns {Host}
            ip addr add 10.98.2.1/24 dev toHost
            ip link set toHost up
            ip route add 10.98.9.9 via 10.98.1.2 src 10.98.1.1
            """);
        Shell.Run(Home, "ip addr add 10.98.9.9/32 dev lo\nip addr add 10.98.1.2/24 dev e\nip link set e up\nip route add default via 10.98.1.1");
        Shell.Run(Host, "ip addr add 10.98.9.9/32 dev lo\nip addr add 10.98.2.2/24 dev e\nip link set e up\nip route add default via 10.98.2.1");
    }

    public string Folder { get; }

    public string Peer => Folder + "/peer";

    public string Home => Folder + "/home";

    public string Host => Folder + "/host";

    public string NewFolder(string name) => Directory.CreateDirectory(Path.Combine(Folder, name)).FullName;

    /// <summary>From now on the peer's packets go to the host, which drops them until it is opened; home neither gets nor sends any.</summary>
    public void SwitchToHost()
    {
        Shell.Run(Host, "iptables -w -t raw -A PREROUTING -i e -j DROP");
        Shell.Run(Peer, "ip route replace 10.98.9.9 via 10.98.2.2 src 10.98.1.1");
        Shell.Run(Home, "ip link set e down");
    }

    /// <summary>The host takes packets.</summary>
    public void OpenHost() => Shell.Run(Host, "iptables -w -t raw -D PREROUTING -i e -j DROP");

    /// <summary>A client's socket that lives on the peer.</summary>
    public Socket Connect(int port) => NetworkNamespace.Run(Peer, () =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
        socket.Connect(ProgramAddress, port);
        return socket;
    });

    public void Dispose()
    {
        foreach (var name in new[] { Peer, Home, Host })
            NetworkNamespace.Remove(name);
        Directory.Delete(Folder, recursive: true);
    }
}
