using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Twins.Manager.Cluster;
using Twins.Protocol;

namespace Twins.Manager.Tests.Cluster;

[TestClass]
public sealed class JoinTests
{
    [TestMethod]
    public async Task Joiner_BecomesAMember_AndAllCanCallEachOtherByName()
    {
        await using var home = await TestNode.StartFirstAsync();
        await using var host1 = await TestNode.StartAsync("host1");
        await using var host2 = await TestNode.StartAsync("host2");
        await host1.JoinAsync(home);
        await host2.JoinAsync(home);

        var described = await home.Connections.Client("host2").DescribeAsync(new DescribeRequest());
        Assert.AreEqual("host2", described.Name);
        Assert.AreEqual("home", described.Address, "the callee knows the caller by its certificate");
        Assert.AreEqual("home", (await host2.Connections.Client("home").DescribeAsync(new DescribeRequest())).Name);

        // host1 was there before host2: it is told.
        await Until(() => host1.Cluster.Directory.Find("host2")?.Address == host2.Address);
        Assert.AreEqual("host2", (await host1.Connections.Client("host2").DescribeAsync(new DescribeRequest())).Name);
    }

    [TestMethod]
    public async Task Member_ThatWasAwayWhenAnotherJoined_LearnsOfItWithItsNextRound()
    {
        await using var home = await TestNode.StartFirstAsync();
        await using var host1 = await TestNode.StartAsync("host1");
        await host1.JoinAsync(home);
        home.Cluster.Directory.TryPut("host9", "127.0.0.1:9");
        await host1.Announcer.AnnounceToAllAsync(new KnownNodeEntry("host1", host1.Address), CancellationToken.None);
        Assert.AreEqual("127.0.0.1:9", host1.Cluster.Directory.Find("host9")?.Address);
    }

    [TestMethod]
    public async Task Membership_SurvivesARestart()
    {
        await using var home = await TestNode.StartFirstAsync();
        await using var host1 = await TestNode.StartAsync("host1");
        await host1.JoinAsync(home);
        await host1.StopAsync();
        await using var again = await TestNode.StartAsync(
            "renamed", directory: Path.GetDirectoryName(host1.Options.StateDirectory), port: host1.Options.ApiPort);
        Assert.AreEqual("host1", again.Cluster.Name);
        Assert.AreEqual(host1.Address, again.Cluster.Address);
        Assert.AreEqual("host1", (await home.Connections.Client("host1").DescribeAsync(new DescribeRequest())).Name);
    }

    [TestMethod]
    public async Task UsedToken_IsRefused()
    {
        await using var home = await TestNode.StartFirstAsync();
        await using var host1 = await TestNode.StartAsync("host1");
        await using var host2 = await TestNode.StartAsync("host2");
        var token = home.NewToken();
        await host1.Cluster.JoinAsync(token, "", host1.Address, CancellationToken.None);
        var refused = await Assert.ThrowsExactlyAsync<ClusterException>(() => host2.Cluster.JoinAsync(token, "", host2.Address, CancellationToken.None));
        StringAssert.Contains(refused.Message, "The token is unknown, used or expired", StringComparison.Ordinal);
        Assert.IsNull(host2.Cluster.Identity);
        Assert.IsNull(home.Cluster.Directory.Find("host2"));
    }

    [TestMethod]
    public async Task Token_UsedByManyAtOnce_LetsOneIn()
    {
        await using var home = await TestNode.StartFirstAsync();
        var secret = home.Cluster.Tokens.Create(TimeSpan.FromMinutes(1), out _);
        var used = 0;
        Parallel.For(0, 16, _ =>
        {
            if (home.Cluster.Tokens.TryUse(secret))
                Interlocked.Increment(ref used);
        });
        Assert.AreEqual(1, used);
    }

    [TestMethod]
    public void ExpiredToken_IsRefused()
    {
        var directory = Directory.CreateTempSubdirectory("twins-tokens-");
        try
        {
            var time = new SetTime(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
            var tokens = new TokenStore(new ClusterFiles(directory.FullName), time);
            var secret = tokens.Create(TimeSpan.FromMinutes(30), out var expires);
            Assert.AreEqual(new DateTimeOffset(2026, 1, 1, 0, 30, 0, TimeSpan.Zero), expires);
            time.Now += TimeSpan.FromMinutes(29);
            Assert.IsTrue(tokens.IsGood(secret));
            time.Now += TimeSpan.FromMinutes(1);
            Assert.IsFalse(tokens.IsGood(secret));
            Assert.IsFalse(tokens.TryUse(secret));
            Assert.DoesNotContain(Convert.ToBase64String(secret), File.ReadAllText(Path.Combine(directory.FullName, "tokens.json")));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [TestMethod]
    public async Task TokenOfAnotherAuthority_IsNotTold_TheSecret()
    {
        await using var home = await TestNode.StartFirstAsync();
        await using var host1 = await TestNode.StartAsync("host1");
        Assert.IsTrue(JoinToken.TryParse(home.NewToken(), out var token));
        var forged = token! with { Fingerprint = new byte[32] };
        var refused = await Assert.ThrowsExactlyAsync<ClusterException>(() => host1.Cluster.JoinAsync(forged.Encode(), "", host1.Address, CancellationToken.None));
        StringAssert.Contains(refused.Message, "is not the node that the token is of", StringComparison.Ordinal);
        Assert.IsTrue(home.Cluster.Tokens.IsGood(token.Secret), "the secret was sent");
    }

    [TestMethod]
    public async Task GuessedSecrets_AreRefusedAndThenNotListenedTo()
    {
        await using var home = await TestNode.StartFirstAsync();
        Assert.IsTrue(JoinToken.TryParse(home.NewToken(), out var token));
        for (var attempt = 0; attempt < 5; attempt++)
            Assert.AreEqual(StatusCode.Unauthenticated, await JoinStatus(token!, new JoinRequest { Secret = ByteString.CopyFrom(new byte[32]), Node = "evil", Address = "127.0.0.1:1" }));
        Assert.AreEqual(StatusCode.ResourceExhausted, await JoinStatus(token!, new JoinRequest { Secret = ByteString.CopyFrom(token!.Secret), Node = "evil", Address = "127.0.0.1:1" }));
        CollectionAssert.AreEqual(
            new[]
            {
                "127.0.0.1 was refused to join: The token is unknown, used or expired. Get a new one with 'twins cluster token'. (not logged again within an hour)",
                "127.0.0.1 was refused to join: Too many failed attempts; wait a minute and try again. (not logged again within an hour)",
            },
            home.Log.Refusals);
        Assert.IsTrue(home.Cluster.Tokens.IsGood(token.Secret));
    }

    [TestMethod]
    [DataRow("home", "127.0.0.1:1", StatusCode.AlreadyExists)]
    [DataRow("../../etc", "127.0.0.1:1", StatusCode.InvalidArgument)]
    [DataRow("", "127.0.0.1:1", StatusCode.InvalidArgument)]
    [DataRow("10.77.0.2", "127.0.0.1:1", StatusCode.InvalidArgument)]
    [DataRow("host1", "nowhere", StatusCode.InvalidArgument)]
    [DataRow("host1", "127.0.0.1:1", StatusCode.InvalidArgument)]
    public async Task MalformedJoin_IsRefusedAndDoesNotUseTheTokenUp(string node, string address, StatusCode expected)
    {
        await using var home = await TestNode.StartFirstAsync();
        Assert.IsTrue(JoinToken.TryParse(home.NewToken(), out var token) && token is not null);
        for (var attempt = 0; attempt < 2; attempt++)
        {
            Assert.AreEqual(expected, await JoinStatus(token, new JoinRequest
            {
                Secret = ByteString.CopyFrom(token.Secret), Node = node, Address = address, SigningRequest = ByteString.CopyFromUtf8("no request"),
            }));
        }

        Assert.HasCount(1, home.Log.Refusals);
        Assert.StartsWith("127.0.0.1 was refused to join: ", home.Log.Refusals[0]);
        Assert.IsEmpty(home.Log.OtherWarnings);
        Assert.IsTrue(home.Cluster.Tokens.IsGood(token.Secret));
    }

    [TestMethod]
    public async Task NodeWithoutTheAuthority_GivesNoTokens_AndANodeInAClusterJoinsNoOther()
    {
        await using var home = await TestNode.StartFirstAsync();
        await using var host1 = await TestNode.StartAsync("host1");
        StringAssert.Contains(Assert.ThrowsExactly<ClusterException>(() => host1.NewToken()).Message, "twins cluster init", StringComparison.Ordinal);
        await host1.JoinAsync(home);
        StringAssert.Contains(Assert.ThrowsExactly<ClusterException>(() => host1.NewToken()).Message, "on the node where", StringComparison.Ordinal);
        StringAssert.Contains(Assert.ThrowsExactly<ClusterException>(() => host1.Cluster.Init()).Message, "in a cluster already, as host1", StringComparison.Ordinal);
    }

    [TestMethod]
    public void AnyText_IsATokenOrNone()
    {
        var random = new Random(1);
        for (var round = 0; round < 2000; round++)
        {
            var bytes = new byte[random.Next(400)];
            random.NextBytes(bytes);
            Assert.IsFalse(JoinToken.TryParse(Convert.ToBase64String(bytes), out _) && bytes[0] != 1);
            _ = JoinToken.TryParse(System.Buffers.Text.Base64Url.EncodeToString(bytes), out _);
        }

        Assert.IsFalse(JoinToken.TryParse(null, out _));
        Assert.IsFalse(JoinToken.TryParse("", out _));
        var token = new JoinToken("[fd77::2]:7458", [.. Enumerable.Range(0, 32).Select(n => (byte)n)], new byte[32]);
        Assert.IsTrue(JoinToken.TryParse(token.Encode(), out var parsed));
        Assert.AreEqual("[fd77::2]:7458", parsed!.Address);
        CollectionAssert.AreEqual(token.Fingerprint, parsed.Fingerprint);
    }

    [TestMethod]
    public async Task Files_AreRootsOnly()
    {
        await using var home = await TestNode.StartFirstAsync();
        home.NewToken();
        Assert.AreEqual((UnixFileMode)0b111_000_000, File.GetUnixFileMode(home.Options.ClusterDirectory));
        var files = Directory.GetFiles(home.Options.ClusterDirectory);
        Assert.AreEqual("ca.crt ca.key node.crt node.key nodes.json tokens.json", string.Join(" ", files.Select(Path.GetFileName).Order()));
        Assert.IsTrue(files.All(file => File.GetUnixFileMode(file) == (UnixFileMode)0b110_000_000));
    }

    [TestMethod]
    public async Task KnownNodesAddress_IsChangedByThatNodeOnly()
    {
        await using var home = await TestNode.StartFirstAsync();
        Assert.IsTrue(home.Cluster.Directory.TryLearn("host1", "host2", "10.77.0.4:7457"));
        Assert.IsFalse(home.Cluster.Directory.TryLearn("host1", "host2", "10.66.6.6:7457"));
        Assert.IsTrue(home.Cluster.Directory.TryLearn("host2", "host2", "10.77.0.5:7457"));
        Assert.IsFalse(home.Cluster.Directory.TryLearn("host1", "x\ny", "10.77.0.5:7457"));
        Assert.AreEqual("10.77.0.5:7457", home.Cluster.Directory.Find("host2")?.Address);
    }

    internal static async Task Until(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!condition())
            await Task.Delay(10, deadline.Token);
    }

    private static async Task<StatusCode> JoinStatus(JoinToken token, JoinRequest request)
    {
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
            SHA256.HashData(certificate!.GetRawCertData()).AsSpan().SequenceEqual(token.Fingerprint);
        using var channel = GrpcChannel.ForAddress($"https://{token.Address}", new GrpcChannelOptions { HttpHandler = handler });
        var thrown = await Assert.ThrowsExactlyAsync<RpcException>(async () => await new JoinApi.JoinApiClient(channel).JoinAsync(request));
        return thrown.StatusCode;
    }

    private sealed class SetTime(DateTimeOffset now) : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = now;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
