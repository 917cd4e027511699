using Grpc.Core;
using Twins.Protocol;

namespace Twins.Cli.Tests;

[TestClass]
public sealed class ClusterTests
{
    [TestMethod]
    public async Task Init_AsJson_HasTheFingerprint()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Cluster());
        CommandLineResult result = await cli.RunAsync("cluster", "init", "--node", "home", "--address", "10.77.0.2", "--json");
        Assert.AreEqual(new CommandLineResult(0, "{\"node\":\"home\",\"address\":\"10.77.0.2\",\"fingerprint\":\"AB12\"}\n", ""), result);
    }

    [TestMethod]
    public async Task Token_IsAloneOnStandardOutput()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Cluster());
        CommandLineResult result = await cli.RunAsync("cluster", "token", "--minutes", "5");
        Assert.AreEqual(new CommandLineResult(0, "token-for-5\n", "good for one node until 2026-01-01T00:00:00Z\n"), result);
    }

    [TestMethod]
    public async Task Join_TakesTheTokenFromStandardInput()
    {
        var server = new Cluster();
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(server);
        cli.Input = "from-input\n";
        CommandLineResult result = await cli.RunAsync("cluster", "join", "-");
        Assert.AreEqual(new CommandLineResult(0, "host1 joined; nodes: home, host1\n", ""), result);
        Assert.AreEqual("from-input", server.Joined);
    }

    [TestMethod]
    public async Task Join_TakesTheTokenFromTheEnvironment()
    {
        var server = new Cluster();
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(server);
        cli.Variables["TWINS_JOIN_TOKEN"] = "from-variable";
        CommandLineResult result = await cli.RunAsync("cluster", "join", "--json");
        Assert.AreEqual(new CommandLineResult(0, "{\"node\":\"host1\",\"nodes\":[\"home\",\"host1\"]}\n", ""), result);
        Assert.AreEqual("from-variable", server.Joined);
    }

    [TestMethod]
    public async Task Join_WithoutToken_IsRefused()
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Cluster());
        Assert.AreEqual(2, (await cli.RunAsync("cluster", "join")).ExitCode);
    }

    private sealed class Cluster : LocalApi.LocalApiBase
    {
        public string? Joined { get; private set; }

        public override Task<ClusterInitReply> ClusterInit(ClusterInitRequest request, ServerCallContext context) =>
            Task.FromResult(new ClusterInitReply { Node = request.Node, Address = request.Address, Fingerprint = "AB12" });

        public override Task<ClusterTokenReply> ClusterToken(ClusterTokenRequest request, ServerCallContext context) =>
            Task.FromResult(new ClusterTokenReply { Token = $"token-for-{request.Minutes}", Expires = "2026-01-01T00:00:00Z" });

        public override Task<ClusterJoinReply> ClusterJoin(ClusterJoinRequest request, ServerCallContext context)
        {
            Joined = request.Token;
            return Task.FromResult(new ClusterJoinReply { Node = "host1", Nodes = { "home", "host1" } });
        }
    }
}
