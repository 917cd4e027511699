using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Twins.Manager.Cluster;
using Twins.Protocol;

namespace Twins.Manager.Tests.Cluster;

/// <summary>What the two ports refuse: nothing changes, and the sender is told of in the log, once.</summary>
[TestClass]
public sealed class RefusalTests
{
    private const string Prepare = "/twins.NodeApi/Prepare";

    // A TLS ClientHello begins.
    private static readonly byte[] Hello = [0x16, 0x03, 0x01, 0x01, 0x00, 0x01];

    [TestMethod]
    public async Task CallerWithoutCertificate_IsRefusedAndLoggedOnce()
    {
        await using var home = await TestNode.StartFirstAsync();
        for (var attempt = 0; attempt < 3; attempt++)
            await Strangers.AssertRefusedAsync(home, null);
        await Strangers.AssertToldOnceAsync(home, "127.0.0.1 was refused a connection: it has no certificate");
    }

    [TestMethod]
    public async Task CallerOfAForeignAuthority_IsRefusedAndLoggedOnce()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var foreign = ClusterAuthority.Create(TimeProvider.System);
        using var certificate = Strangers.Certificate(foreign, "host1");
        for (var attempt = 0; attempt < 3; attempt++)
            await Strangers.AssertRefusedAsync(home, certificate);
        await Strangers.AssertToldOnceAsync(
            home, "127.0.0.1 was refused a connection: its certificate is not of this cluster or not valid now; it is for 'CN=host1'");
    }

    [TestMethod]
    public async Task CallerWithAnExpiredCertificate_IsRefusedAndLoggedOnce()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = DateTimeOffset.UtcNow;
        using var issued = home.Cluster.Authority!.Issue("host1", new PublicKey(key), now.AddMinutes(-5), now.AddMinutes(-1));
        using var certificate = issued.CopyWithPrivateKey(key);
        for (var attempt = 0; attempt < 3; attempt++)
            await Strangers.AssertRefusedAsync(home, certificate);
        await Strangers.AssertToldOnceAsync(
            home, "127.0.0.1 was refused a connection: its certificate is not of this cluster or not valid now; it is for 'CN=host1'");
    }

    [TestMethod]
    public async Task CallerWithACertificateThatNamesNoNode_IsRefusedAndLoggedOnce()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var certificate = Strangers.Certificate(home.Cluster.Authority!, "Not A Node");
        for (var attempt = 0; attempt < 3; attempt++)
            await Strangers.AssertRefusedAsync(home, certificate);
        await Strangers.AssertToldOnceAsync(
            home, "127.0.0.1 was refused a connection: its certificate is not of this cluster or not valid now; it is for 'CN=Not A Node'");
    }

    [TestMethod]
    public async Task GarbageOnThePorts_ChangesNothingAndIsLoggedOnce()
    {
        await using var home = await TestNode.StartFirstAsync();
        var random = new Random(7);
        for (var round = 0; round < 30; round++)
        {
            // Truncated handshakes, oversized ones, and what is none.
            var octets = new byte[round % 10 == 0 ? 100_000 : random.Next(1, 2000)];
            random.NextBytes(octets);
            if (round % 2 == 0)
                Hello.AsSpan(0, Math.Min(Hello.Length, octets.Length)).CopyTo(octets);
            await Strangers.SendAsync(home.Options.ApiPort, octets);
            await Strangers.SendAsync(home.Options.JoinPort, octets);
        }

        using var certificate = Strangers.Certificate(home.Cluster.Authority!, "host1");
        using var channel = Strangers.Channel(home.Address, certificate);
        Assert.AreEqual("home", (await new NodeApi.NodeApiClient(channel).DescribeAsync(new DescribeRequest())).Name);
        await Strangers.AssertToldOnceAsync(home, "127.0.0.1 was refused a connection (Node): tls handshake failed");
    }

    [TestMethod]
    [DataRow("GET / HTTP/1.1\r\nHost: home\r\n\r\n", "invalid handshake")]
    [DataRow("no HTTP at all, and longer than what HTTP/2 begins with", "invalid handshake")]
    [DataRow("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nno frame, whatever its first octets say", "max frame length exceeded")]
    public async Task GarbageInTls_IsRefusedAndLoggedOnce(string text, string told)
    {
        await using var home = await TestNode.StartFirstAsync();
        using var certificate = Strangers.Certificate(home.Cluster.Authority!, "host1");
        for (var attempt = 0; attempt < 3; attempt++)
        {
            await Strangers.SendInTlsAsync(home.Options.JoinPort, null, System.Text.Encoding.ASCII.GetBytes(text));
            await Strangers.SendInTlsAsync(home.Options.ApiPort, certificate, System.Text.Encoding.ASCII.GetBytes(text));
        }

        await Strangers.AssertToldOnceAsync(home, $"127.0.0.1 was refused a connection (Join): {told}");
    }

    [TestMethod]
    public async Task ConnectionThatSaysNothing_IsNotToldOf()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var certificate = Strangers.Certificate(home.Cluster.Authority!, "host1");
        using (var channel = Strangers.Channel(home.Address, certificate))
            await new NodeApi.NodeApiClient(channel).DescribeAsync(new DescribeRequest());
        await Strangers.SendAsync(home.Options.ApiPort, [0], from: "127.0.0.2");
        await JoinTests.Until(() => home.Log.Refusals.Length > 0);
        Assert.HasCount(1, home.Log.Refusals);
    }

    [TestMethod, DoNotParallelize]
    public async Task MoreConnectionsThanAreServed_AreRefusedAndLoggedOnce()
    {
        await using var home = await TestNode.StartFirstAsync();
        var sockets = new List<TcpClient>();
        try
        {
            for (var number = 0; number < 1024 + 5; number++)
                sockets.Add(new TcpClient("127.0.0.1", home.Options.ApiPort));
            await JoinTests.Until(() => home.Log.Contains("max concurrent connections exceeded"));
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }

        Assert.HasCount(1, home.Log.Refusals.Where(line => line.Contains("max concurrent", StringComparison.Ordinal)));
        Assert.IsEmpty(home.Log.OtherWarnings);
    }

    [TestMethod]
    public async Task ServiceOfAnotherListener_IsNotOffered_AndLoggedOncePerSender()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var certificate = Strangers.Certificate(home.Cluster.Authority!, "host1");
        using var node = Strangers.Channel(home.Address, certificate);
        using var join = Strangers.Channel($"127.0.0.1:{home.Options.JoinPort}", null);
        await AssertStatus(StatusCode.Unimplemented, async () => await new LocalApi.LocalApiClient(node).ListProcessesAsync(new ListProcessesRequest()));
        await AssertStatus(StatusCode.Unimplemented, async () => await new JoinApi.JoinApiClient(node).JoinAsync(new JoinRequest()));
        await AssertStatus(StatusCode.Unimplemented, async () => await new NodeApi.NodeApiClient(join).DescribeAsync(new DescribeRequest()));
        await AssertStatus(StatusCode.Unimplemented, async () => await new LocalApi.LocalApiClient(join).HoldAsync(new ProcessRequest()));
        CollectionAssert.AreEqual(
            new[]
            {
                "Node host1 was refused a call of /twins.LocalApi/ListProcesses: no such service is offered there (not logged again within an hour)",
                "127.0.0.1 was refused a call of /twins.NodeApi/Describe: no such service is offered there (not logged again within an hour)",
            },
            home.Log.Refusals);
    }

    [TestMethod]
    public async Task MessageAboveTheLimit_IsRefusedAndLoggedOnce()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var certificate = Strangers.Certificate(home.Cluster.Authority!, "host1");
        using var channel = Strangers.Channel(home.Address, certificate);
        for (var attempt = 0; attempt < 5; attempt++)
        {
            await AssertStatus(StatusCode.ResourceExhausted, async () => await new NodeApi.NodeApiClient(channel).PrepareAsync(
                new PrepareRequest { MigrationId = new string('m', 5 * 1024 * 1024) }));
        }

        await new NodeApi.NodeApiClient(channel).PrepareAsync(new PrepareRequest { MigrationId = new string('m', 3 * 1024 * 1024) });
        await Strangers.AssertToldOnceAsync(home, Unreadable(Prepare));
    }

    [TestMethod]
    [DataRow(Prepare, "0000000005FFFFFFFFFF")]       // no such message
    [DataRow(Prepare, "00000000050A")]               // less than it says
    [DataRow(Prepare, "07000000020A00")]             // no such flag
    [DataRow(Prepare, "01000000020A00")]             // compressed, by nothing
    [DataRow(Prepare, "00FFFFFFFF0A00")]             // longer than anything
    [DataRow(Prepare, "00000000000000000000")]       // two messages
    [DataRow(Prepare, "")]                           // none
    [DataRow("/twins.NodeApi/NoSuchMethod", "0000000000")]
    public async Task MessageOfAMemberThatCannotBeRead_IsRefusedAndLoggedOnce(string path, string octets)
    {
        await using var home = await TestNode.StartFirstAsync();
        using var certificate = Strangers.Certificate(home.Cluster.Authority!, "host1");
        for (var attempt = 0; attempt < 3; attempt++)
            Assert.AreNotEqual(StatusCode.OK, await Strangers.PostAsync(home.Address, certificate, path, Convert.FromHexString(octets)));
        await Strangers.AssertToldOnceAsync(home, Unreadable(path));
    }

    [TestMethod]
    public async Task JoinThatCannotBeRead_IsRefusedAndLoggedOnce()
    {
        await using var home = await TestNode.StartFirstAsync();
        for (var attempt = 0; attempt < 3; attempt++)
        {
            Assert.AreNotEqual(StatusCode.OK, await Strangers.PostAsync(
                $"127.0.0.1:{home.Options.JoinPort}", null, "/twins.JoinApi/Join", Convert.FromHexString("0000000005FFFFFFFFFF")));
        }

        await Strangers.AssertToldOnceAsync(
            home, "127.0.0.1 was refused a call of /twins.JoinApi/Join: its message can't be read, or there is no such method");
    }

    [TestMethod]
    [DataRow("0000000005FFFFFFFFFF")]
    [DataRow("00000000050A")]
    [DataRow("07000000020A00")]
    public async Task MessageOfAStreamThatCannotBeRead_IsRefusedAndLoggedOnce(string octets)
    {
        await using var home = await TestNode.StartFirstAsync();
        using var certificate = Strangers.Certificate(home.Cluster.Authority!, "host1");
        for (var attempt = 0; attempt < 3; attempt++)
        {
            // One that can be read comes first.
            Assert.AreEqual(StatusCode.InvalidArgument, await Strangers.PostAsync(
                home.Address, certificate, "/twins.NodeApi/Transfer", Convert.FromHexString("0000000000" + octets)));
        }

        Assert.HasCount(1, home.Log.Refusals);
        Assert.StartsWith("Node host1 was refused /twins.NodeApi/Transfer: A message of the stream can't be read: ", home.Log.Refusals[0]);
        Assert.IsEmpty(home.Log.OtherWarnings);
    }

    [TestMethod]
    public async Task CallThatFails_ForAReasonThatNobodyForesaw_IsLoggedOnce()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var certificate = Strangers.Certificate(home.Cluster.Authority!, "host1");
        using var channel = Strangers.Channel(home.Address, certificate);
        for (var attempt = 0; attempt < 3; attempt++)
            await AssertStatus(StatusCode.Unknown, async () => await new NodeApi.NodeApiClient(channel).AbortAsync(new AbortRequest()));
        Assert.AreEqual(
            "/twins.NodeApi/Abort, called by Node host1, failed (not logged again within an hour)", string.Join('\n', home.Log.OtherWarnings));
    }

    private static string Unreadable(string path) => $"Node host1 was refused a call of {path}: its message can't be read, or there is no such method";

    private static async Task AssertStatus(StatusCode expected, Func<Task> call) =>
        Assert.AreEqual(expected, (await Assert.ThrowsExactlyAsync<RpcException>(call)).StatusCode);
}
