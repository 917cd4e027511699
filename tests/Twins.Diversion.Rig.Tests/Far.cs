using System.Net.Sockets;
using System.Security.Cryptography;
using Twins.Packets;

namespace Twins.Diversion.Rig.Tests;

/// <summary>The other machine (far.py).</summary>
internal static class Far
{
    public const string Address = "10.211.0.2";
    public const int EchoPort = 7001;
    private const int AgentPort = 7002;

    public static Endpoint Echo => Endpoint.Parse("10.211.0.2:7001");

    /// <summary>Has it connect, send so many octets and compare what comes back: <c>ok</c>, or what went wrong.</summary>
    public static string Talk(string address, int port, int octets) => Ask($"echo {address} {port} {octets}");

    /// <summary>Has it send datagrams with the numbers from the first on.</summary>
    public static void Count(string address, int port, int first, int count) => Assert.AreEqual("ok", Ask($"count {address} {port} {first} {count}"));

    /// <summary>Connects to its echo, sends so many octets and compares what comes back.</summary>
    public static void AssertEchoes(int octets)
    {
        using var client = new TcpClient(Address, EchoPort) { ReceiveTimeout = 20_000, SendTimeout = 20_000 };
        var data = RandomNumberGenerator.GetBytes(octets);
        using var stream = client.GetStream();
        var sending = Task.Run(() => stream.Write(data));
        var got = new byte[octets];
        stream.ReadExactly(got);
        sending.Wait();
        CollectionAssert.AreEqual(data, got);
    }

    private static string Ask(string what)
    {
        using var agent = new TcpClient(Address, AgentPort);
        using var stream = agent.GetStream();
        using var reader = new StreamReader(stream);
        stream.Write(System.Text.Encoding.ASCII.GetBytes(what + "\n"));
        stream.ReadTimeout = 60_000;
        return reader.ReadLine() ?? "nothing";
    }
}
