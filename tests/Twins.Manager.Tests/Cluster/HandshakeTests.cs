using System.Net.Security;
using System.Net.Sockets;
using Grpc.Core;
using Twins.Manager.Cluster;
using Twins.Protocol;

namespace Twins.Manager.Tests.Cluster;

[TestClass]
public sealed class HandshakeTests
{
    [TestMethod]
    public async Task CallerWithACertificateOfOurAuthority_IsHeard()
    {
        await using var home = await TestNode.StartFirstAsync();
        using var certificate = Strangers.Certificate(home.Cluster.Authority!, "host1");
        using var channel = Strangers.Channel(home.Address, certificate);
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
    public async Task NodeInNoCluster_AnswersNobody()
    {
        await using var lonely = await TestNode.StartAsync("lonely");
        await Strangers.AssertRefusedAsync(lonely, null);
        await Assert.ThrowsAsync<Exception>(async () =>
        {
            using var socket = new TcpClient("127.0.0.1", lonely.Options.JoinPort);
            await using var tls = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
            await tls.AuthenticateAsClientAsync("lonely");
        });
        StringAssert.Contains(
            Assert.ThrowsExactly<ClusterException>(() => lonely.Connections.Client("home")).Message, "in no cluster", StringComparison.Ordinal);
        await JoinTests.Until(() => lonely.Log.Refusals.Length > 1);
        CollectionAssert.AreEquivalent(
            new[]
            {
                "127.0.0.1 was refused a connection: this node is in no cluster (not logged again within an hour)",
                "127.0.0.1 was refused a connection: this node has not the cluster's authority (not logged again within an hour)",
            },
            lonely.Log.Refusals);
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

}
