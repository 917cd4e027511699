using System.Net;
using System.Net.Sockets;

namespace Twins.Hook.Tests;

[TestClass]
public sealed class HookEventTests
{
    [TestMethod]
    [DataRow("4", "127.0.0.1")]
    [DataRow("6", "::1")]
    public void EveryCall_WithListener_IsToldWithItsAddresses(string family, string loopback)
    {
        using var bench = new Workbench();
        var (exitCode, output) = bench.Run(Workbench.Program("calls"), [family]);
        Assert.AreEqual(0, exitCode);
        var did = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).ToDictionary(words => words[0]);
        var address = IPAddress.Parse(loopback);
        var listener = Number("listener");
        var client = Number("client");
        var server = At("listener");
        var nobody = new IPEndPoint(family == "4" ? IPAddress.Any : IPAddress.IPv6Any, 0);
        int copy = Number("copies", 1);

        var messages = bench.Messages(all => all.Any(m => m.Kind == HookMessage.Close && m.Descriptor == listener));

        Assert.IsTrue(messages.All(m => m.Family == int.Parse(family, null) && m.Transport == 6));
        string[] expected =
        [
            Line(HookMessage.Socket, listener, nobody, nobody),
            Line(HookMessage.Bind, listener, server, nobody),
            Line(HookMessage.Listen, listener, server, nobody),
            Line(HookMessage.Socket, client, nobody, nobody),
            Line(HookMessage.Connect, client, At("client"), server),
            Line(HookMessage.Accept, Number("accepted"), server, At("client")),
            Line(HookMessage.Socket, Number("impatient"), nobody, nobody),
            Line(HookMessage.Connect, Number("impatient"), At("impatient"), server),
            Line(HookMessage.Accept, Number("second"), server, At("impatient")),
            Line(HookMessage.Dup, copy, At("client"), server),
            Line(HookMessage.Dup, 100, At("client"), server),
            Line(HookMessage.Dup, 101, At("client"), server),
            Line(HookMessage.Close, 100, At("client"), server),
            Line(HookMessage.Close, Number("accepted"), server, At("client")),
            Line(HookMessage.Close, Number("second"), server, At("impatient")),
            Line(HookMessage.Close, Number("impatient"), At("impatient"), server),
            Line(HookMessage.Close, copy, At("client"), server),
            Line(HookMessage.Close, 101, At("client"), server),
            Line(HookMessage.Close, client, At("client"), server),
            Line(HookMessage.Close, listener, server, nobody),
        ];
        CollectionAssert.AreEqual(expected, messages.Select(m => m.ToString()).ToArray());

        int Number(string name, int word = 1) => int.Parse(did[name][word], null);
        IPEndPoint At(string name) => new(address, int.Parse(did[name][2], null));
        static string Line(int kind, int descriptor, IPEndPoint local, IPEndPoint remote) =>
            new HookMessage(kind, 0, 0, 0, descriptor, local, remote).ToString();
    }

    [TestMethod]
    public void NonBlockingConnect_IsToldAsInProgress()
    {
        using var bench = new Workbench();
        var script = """
            import socket
            s = socket.socket()
            s.setblocking(False)
            l = socket.create_server(("127.0.0.1", 0))
            print(s.connect_ex(l.getsockname()), s.getsockname()[1], l.getsockname()[1])
            """;
        var (_, output) = bench.Run("python3", ["-c", script]);
        var words = output.Trim().Split(' ');
        var messages = bench.Messages(all => all.Any(m => m.Kind == HookMessage.Connect));
        var connect = messages.Single(m => m.Kind == HookMessage.Connect);
        Assert.AreEqual($"127.0.0.1:{words[1]}", connect.Local.ToString());
        Assert.AreEqual(words[0] == "115" ? 1 : 0, connect.Flags);
        Assert.AreEqual("115", words[0], "EINPROGRESS");
    }

    [TestMethod]
    public void ForkAndExec_InChildren_AreStillTold()
    {
        using var bench = new Workbench();
        var (exitCode, output) = bench.Run(Workbench.Program("fork"), []);
        Assert.AreEqual(0, exitCode);
        Assert.EndsWith("failures 0\n", output);
        var messages = bench.Messages(all => all.Count(m => m.Kind == HookMessage.Connect) == 2);
        Assert.AreEqual(2, messages.Count(m => m.Kind == HookMessage.Connect));
    }

    [TestMethod]
    public void RedisServer_TakingAClient_IsTold()
    {
        using var bench = new Workbench();
        const int port = 7395;
        using var redis = bench.Start("redis-server", ["--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--dir", bench.Directory]);
        try
        {
            bench.Messages(all => all.Any(m => m.Kind == HookMessage.Listen && m.Local.Port == port));
            using var client = new TcpClient(AddressFamily.InterNetwork);
            client.Connect(IPAddress.Loopback, port);
            client.GetStream().Write("PING\r\n"u8);
            var reply = new byte[7];
            client.GetStream().ReadExactly(reply);
            Assert.IsTrue(reply.AsSpan().SequenceEqual("+PONG\r\n"u8));
            var local = client.Client.LocalEndPoint!.ToString();
            var messages = bench.Messages(all => all.Any(m => m.Kind == HookMessage.Accept));
            Assert.IsTrue(messages.Any(m => m.Kind == HookMessage.Accept && m.Remote.ToString() == local && m.Local.Port == port));
        }
        finally
        {
            redis.Kill();
            redis.WaitForExit();
        }
    }
}
