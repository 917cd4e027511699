using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using Twins.Manager.Access;
using Twins.Manager.Access.Linux;
using Twins.Manager.Tests.Cluster;
using Twins.Protocol;

namespace Twins.Manager.Tests.Access;

[TestClass]
public sealed class AccessTests
{
    private const uint Nobody = 65534;

    [TestMethod]
    public void EveryMethod_IsClassified()
    {
        var methods = LocalApi.Descriptor.Methods.Concat(PageApi.Descriptor.Methods).Select(method => method.Name).Order(StringComparer.Ordinal);
        Assert.AreEqual(string.Join(" ", methods), string.Join(" ", MethodTable.Levels.Keys.Order(StringComparer.Ordinal)));
    }

    [TestMethod]
    public async Task Root_MayReadAndChange()
    {
        await using var node = await TestNode.StartAsync("home");
        using var channel = LocalChannel.Open(node.Options.LocalSocketPath);
        await new LocalApi.LocalApiClient(channel).ListProcessesAsync(new ListProcessesRequest());
        await new LocalApi.LocalApiClient(channel).HoldAsync(new ProcessRequest());
    }

    [TestMethod]
    public async Task Stranger_MayNeitherReadNorChange_AndIsLoggedOnce()
    {
        await using var node = await TestNode.StartAsync("home", readers: "daemon");
        using var channel = LocalChannel.Open(node.Options.LocalSocketPath, Nobody, Nobody);
        var client = new LocalApi.LocalApiClient(channel);
        var read = await Refused(async () => await client.ListProcessesAsync(new ListProcessesRequest()));
        StringAssert.Contains(read, "usermod -aG daemon USER", StringComparison.Ordinal);
        Assert.AreEqual("Only root may change things: run it with sudo.", await Refused(async () => await client.HoldAsync(new ProcessRequest())));
        Assert.AreEqual("User 65534 was refused ListProcesses", string.Join('\n', node.Log.Refusals).Split(" (process ")[0]);
        Assert.HasCount(1, node.Log.Refusals);
    }

    [TestMethod]
    public async Task GarbageOnTheSocket_IsRefusedAndLoggedOncePerUser()
    {
        await using var node = await TestNode.StartAsync("home");
        var garbage = new byte[9000];
        new Random(7).NextBytes(garbage);
        foreach (var user in new[] { Nobody, Nobody, Nobody, Nobody - 1, Nobody - 2, Nobody - 2 })
        {
            using var socket = LocalChannel.Connect(node.Options.LocalSocketPath, user, user, []);
            await using var stream = new NetworkStream(socket);
            await socket.SendAsync(user switch
            {
                Nobody => garbage,
                Nobody - 1 => "GET / HTTP/1.1\r\nHost: home\r\n\r\n"u8.ToArray(),
                _ => garbage[..100],
            });
            if (user == Nobody - 2)
                socket.Shutdown(SocketShutdown.Send);
            await stream.CopyToAsync(Stream.Null);
        }

        await JoinTests.Until(() => node.Log.Refusals.Length > 2);
        CollectionAssert.AreEquivalent(
            new[]
            {
                "User 65534 was refused a connection (Local): invalid handshake (not logged again within an hour)",
                "User 65533 was refused a connection (Local): invalid http version (not logged again within an hour)",
                "User 65532 was refused a connection (Local): it ended without a call (not logged again within an hour)",
            },
            node.Log.Refusals);
        Assert.IsEmpty(node.Log.OtherWarnings);
    }

    [TestMethod]
    [DataRow(100)]
    [DataRow(5 * 1024 * 1024)]
    public async Task MessageThatCannotBeRead_TheCallerIsJudgedBeforeIt(int octets)
    {
        await using var node = await TestNode.StartAsync("home");
        var garbage = new byte[octets];
        Array.Fill(garbage, (byte)0xFF);
        using var root = LocalChannel.Open(node.Options.LocalSocketPath);
        Assert.AreNotEqual(StatusCode.PermissionDenied, await CallHoldAsync(root, garbage));
        using var stranger = LocalChannel.Open(node.Options.LocalSocketPath, Nobody, Nobody);
        Assert.AreEqual(StatusCode.PermissionDenied, await CallHoldAsync(stranger, garbage));
    }

    [TestMethod]
    public async Task MemberOfTheGroup_MayReadAndNotChange()
    {
        // Group 1 is daemon on every Debian.
        await using var node = await TestNode.StartAsync("home", readers: "daemon");
        uint[] groups = [.. Enumerable.Range(5000, 200).Select(group => (uint)group), 1];
        using var channel = LocalChannel.Open(node.Options.LocalSocketPath, Nobody, Nobody, groups);
        var client = new LocalApi.LocalApiClient(channel);
        await client.ListProcessesAsync(new ListProcessesRequest());
        await Refused(async () => await client.HoldAsync(new ProcessRequest()));
        await Refused(async () => await client.PauseRedirectingAsync(new PauseRedirectingRequest()));
        await Refused(async () => await client.ResumeRedirectingAsync(new ResumeRedirectingRequest()));
        using var watch = client.WatchPackets(new WatchNodeRequest());
        await Refused(async () => await watch.ResponseStream.MoveNext(CancellationToken.None));
    }

    [TestMethod]
    public async Task GroupThatDoesNotExist_LetsNobodyIn()
    {
        await using var node = await TestNode.StartAsync("home", readers: "no-such-group-of-ours");
        using var channel = LocalChannel.Open(node.Options.LocalSocketPath, Nobody, Nobody);
        await Refused(async () => await new LocalApi.LocalApiClient(channel).ListProcessesAsync(new ListProcessesRequest()));
    }

    [TestMethod]
    public async Task OtherServices_AreNotOfferedOnTheSocket()
    {
        await using var node = await TestNode.StartFirstAsync();
        using var channel = LocalChannel.Open(node.Options.LocalSocketPath);
        var thrown = await Assert.ThrowsExactlyAsync<RpcException>(async () => await new NodeApi.NodeApiClient(channel).DescribeAsync(new DescribeRequest()));
        Assert.AreEqual(StatusCode.Unimplemented, thrown.StatusCode);
    }

    [TestMethod]
    public async Task Socket_IsEverybodys_AndASecondServerIsRefused()
    {
        await using var node = await TestNode.StartAsync("home");
        Assert.AreEqual((UnixFileMode)0b110_110_110, File.GetUnixFileMode(node.Options.LocalSocketPath));
        StringAssert.Contains(
            Assert.ThrowsExactly<IOException>(() => LocalSocket.Prepare(node.Options.LocalSocketPath)).Message, "another twinsd", StringComparison.Ordinal);
    }

    [TestMethod]
    public void SocketOfADeadServer_IsRemoved()
    {
        var directory = Directory.CreateTempSubdirectory("twins-socket-");
        try
        {
            var path = Path.Combine(directory.FullName, "twinsd.sock");
            LocalChannel.LeaveDeadSocket(path);
            Assert.IsTrue(File.Exists(path));
            LocalSocket.Prepare(path);
            Assert.IsFalse(File.Exists(path));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task<StatusCode> CallHoldAsync(GrpcChannel channel, byte[] message)
    {
        var octets = Marshallers.Create(value => value, value => value);
        var method = new Method<byte[], byte[]>(MethodType.Unary, LocalApi.Descriptor.FullName, "Hold", octets, octets);
        using var call = channel.CreateCallInvoker().AsyncUnaryCall(method, null, new CallOptions(), message);
        return (await Assert.ThrowsExactlyAsync<RpcException>(async () => await call)).StatusCode;
    }

    private static async Task<string> Refused(Func<Task> call)
    {
        var thrown = await Assert.ThrowsExactlyAsync<RpcException>(call);
        Assert.AreEqual(StatusCode.PermissionDenied, thrown.StatusCode);
        return thrown.Status.Detail;
    }
}
