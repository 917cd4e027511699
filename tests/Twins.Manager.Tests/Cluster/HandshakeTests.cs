using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Twins.Manager.Cluster;
using Twins.Protocol;

namespace Twins.Manager.Tests.Cluster;

[TestClass]
public sealed class HandshakeTests
{
    [TestMethod]
    public async Task CallerWithoutCertificate_IsRefusedAndLoggedOnce()
    {
        await using var home = await TestNode.StartFirstAsync();
        for (var attempt = 0; attempt < 3; attempt++)
            await AssertRefused(home, null);
        Assert.AreEqual(1, home.Log.Count(3004));
        Assert.IsTrue(home.Log.Contains("no certificate"));
    }

    [TestMethod]
    public async Task CallerOfAForeignAuthority_IsRefused()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var foreign = ClusterAuthority.Create(TimeProvider.System);
        using var certificate = Certificate(foreign, "host1");
        await AssertRefused(home, certificate);
        Assert.AreEqual(1, home.Log.Count(3004));
    }

    [TestMethod]
    public async Task CallerWithAnExpiredCertificate_IsRefused()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = DateTimeOffset.UtcNow;
        using var issued = home.Cluster.Authority!.Issue("host1", new PublicKey(key), now.AddMinutes(-5), now.AddMinutes(-1));
        using var certificate = issued.CopyWithPrivateKey(key);
        await AssertRefused(home, certificate);
        Assert.AreEqual(1, home.Log.Count(3004));
    }

    [TestMethod]
    public async Task CallerWithACertificateThatNamesNoNode_IsRefused()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var certificate = Certificate(home.Cluster.Authority!, "Not A Node");
        await AssertRefused(home, certificate);
    }

    [TestMethod]
    public async Task CallerWithACertificateOfOurAuthority_IsHeard()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var certificate = Certificate(home.Cluster.Authority!, "host1");
        using var channel = Channel(home.Address, certificate);
        Assert.AreEqual("host1", (await new NodeApi.NodeApiClient(channel).DescribeAsync(new DescribeRequest())).Address);
    }

    [TestMethod]
    public async Task CalleeThatNamesAnotherNode_IsNotTalkedTo()
    {
        await using var home = await TestNode.StartFirstAsync();
        await using var host1 = await TestNode.StartAsync("host1");
        await host1.JoinAsync(home);
        home.Cluster.Directory.TryPut("host2", host1.Address); // a lie: host1 answers there
        var thrown = await Assert.ThrowsExactlyAsync<RpcException>(async () => await home.Connections.Client("host2").DescribeAsync(new DescribeRequest()));
        StringAssert.Contains(thrown.ToString(), "RemoteCertificateNameMismatch", StringComparison.Ordinal);
    }

    [TestMethod]
    public async Task CalleeOfAForeignAuthority_IsNotTalkedTo()
    {
        await using var home = await TestNode.StartFirstAsync();
        await using var stranger = await TestNode.StartFirstAsync("host1");
        home.Cluster.Directory.TryPut("host1", stranger.Address);
        await Assert.ThrowsExactlyAsync<RpcException>(async () => await home.Connections.Client("host1").DescribeAsync(new DescribeRequest()));
    }

    [TestMethod]
    public async Task NodeThatIsGone_IsUnavailable_AndReachedAgainWhenItIsBack()
    {
        await using var home = await TestNode.StartFirstAsync();
        await using var host1 = await TestNode.StartAsync("host1");
        await host1.JoinAsync(home);
        await home.Connections.Client("host1").DescribeAsync(new DescribeRequest());
        await host1.StopAsync();
        var thrown = await Assert.ThrowsExactlyAsync<RpcException>(async () => await home.Connections.Client("host1").DescribeAsync(new DescribeRequest()));
        Assert.AreEqual(StatusCode.Unavailable, thrown.StatusCode);
        await using var again = await TestNode.StartAsync(
            "host1", directory: Path.GetDirectoryName(host1.Options.StateDirectory), port: host1.Options.ApiPort);
        var reached = false;
        await JoinTests.Until(() => reached = reached || Describe(home, "host1"));
        Assert.IsTrue(reached);
    }

    [TestMethod]
    public async Task ServiceOfAnotherListener_IsNotOffered()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var certificate = Certificate(home.Cluster.Authority!, "host1");
        using var node = Channel(home.Address, certificate);
        using var join = Channel($"127.0.0.1:{home.Options.JoinPort}", certificate);
        await AssertStatus(StatusCode.Unimplemented, async () => await new LocalApi.LocalApiClient(node).ListProcessesAsync(new ListProcessesRequest()));
        await AssertStatus(StatusCode.Unimplemented, async () => await new JoinApi.JoinApiClient(node).JoinAsync(new JoinRequest()));
        await AssertStatus(StatusCode.Unimplemented, async () => await new NodeApi.NodeApiClient(join).DescribeAsync(new DescribeRequest()));
        await AssertStatus(StatusCode.Unimplemented, async () => await new LocalApi.LocalApiClient(join).HoldAsync(new ProcessRequest()));
    }

    [TestMethod]
    public async Task MessageAboveTheLimit_IsRefused()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var certificate = Certificate(home.Cluster.Authority!, "host1");
        using var channel = Channel(home.Address, certificate);
        await AssertStatus(StatusCode.ResourceExhausted, async () => await new NodeApi.NodeApiClient(channel).PrepareAsync(
            new PrepareRequest { MigrationId = new string('m', 5 * 1024 * 1024) }));
        await new NodeApi.NodeApiClient(channel).PrepareAsync(new PrepareRequest { MigrationId = new string('m', 3 * 1024 * 1024) });
    }

    [TestMethod]
    public async Task GarbageOnThePorts_ChangesNothing()
    {
        await using var home = await TestNode.StartFirstAsync();
        var random = new Random(7);
        foreach (var port in new[] { home.Options.ApiPort, home.Options.JoinPort })
        {
            for (var round = 0; round < 30; round++)
            {
                using var socket = new TcpClient("127.0.0.1", port);
                var bytes = new byte[random.Next(1, 2000)];
                random.NextBytes(bytes);
                if (round % 2 == 0)
                    new byte[] { 0x16, 0x03, 0x01, 0x01, 0x00, 0x01 }.AsSpan(0, Math.Min(6, bytes.Length)).CopyTo(bytes); // a TLS ClientHello begins
                await socket.GetStream().WriteAsync(bytes);
            }
        }

        using var certificate = Certificate(home.Cluster.Authority!, "host1");
        using var channel = Channel(home.Address, certificate);
        Assert.AreEqual("home", (await new NodeApi.NodeApiClient(channel).DescribeAsync(new DescribeRequest())).Name);
    }

    [TestMethod]
    public async Task NodeInNoCluster_AnswersNobody()
    {
        await using var lonely = await TestNode.StartAsync("lonely");
        await AssertRefused(lonely, null);
        await Assert.ThrowsAsync<Exception>(async () =>
        {
            using var socket = new TcpClient("127.0.0.1", lonely.Options.JoinPort);
            await using var tls = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
            await tls.AuthenticateAsClientAsync("lonely");
        });
        StringAssert.Contains(
            Assert.ThrowsExactly<ClusterException>(() => lonely.Connections.Client("home")).Message, "in no cluster", StringComparison.Ordinal);
    }

    private static bool Describe(TestNode from, string node)
    {
        try
        {
            from.Connections.Client(node).Describe(new DescribeRequest());
            return true;
        }
        catch (RpcException)
        {
            return false;
        }
    }

    private static X509Certificate2 Certificate(ClusterAuthority authority, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = authority.Issue(name, new PublicKey(key), TimeProvider.System);
        return issued.CopyWithPrivateKey(key);
    }

    private static GrpcChannel Channel(string address, X509Certificate2? certificate)
    {
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
                ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
            },
        };
        return GrpcChannel.ForAddress($"https://{address}", new GrpcChannelOptions
        {
            HttpHandler = handler, DisposeHttpClient = true, MaxSendMessageSize = null,
        });
    }

    private static async Task AssertRefused(TestNode node, X509Certificate2? certificate)
    {
        using var channel = Channel(node.Address, certificate);
        var thrown = await Assert.ThrowsExactlyAsync<RpcException>(async () => await new NodeApi.NodeApiClient(channel).DescribeAsync(new DescribeRequest()));
        Assert.IsTrue(thrown.StatusCode is StatusCode.Unavailable or StatusCode.Internal, thrown.ToString());
    }

    private static async Task AssertStatus(StatusCode expected, Func<Task> call) =>
        Assert.AreEqual(expected, (await Assert.ThrowsExactlyAsync<RpcException>(call)).StatusCode);
}
