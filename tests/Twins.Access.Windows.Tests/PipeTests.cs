using System.IO.Pipes;
using System.Security.AccessControl;
using System.Security.Principal;
using Grpc.Core;
using Twins.Access.Windows.Tests.Support;
using Twins.Cli;
using Twins.Cli.Client;
using Twins.Cli.Windows;
using Twins.Manager.Access.Windows;
using Twins.Protocol;

namespace Twins.Access.Windows.Tests;

/// <summary>The local API's pipe, from the CLI's end to the method behind the gate.</summary>
[TestClass]
public sealed class PipeTests
{
    private static readonly SecurityIdentifier Stranger = new("S-1-5-21-1-2-3-1001");

    [TestMethod]
    public async Task List_ComesThroughThePipe()
    {
        await using var server = await PipeServer.StartAsync(PipeServer.NewPath());
        var result = await CommandLine.RunAsync(server.Path, "ls", "--json");
        Assert.AreEqual((0, """[{"name":"redis","pid":42,"node":"host1","state":"running","epoch":2,"endpoints":[]}]""" + "\n", ""), result);
    }

    [TestMethod]
    public async Task OtherServices_AreNotOfferedOnThePipe()
    {
        await using var server = await PipeServer.StartAsync(PipeServer.NewPath());
        using var channel = LocalChannel.Open(server.Path);
        var thrown = await Assert.ThrowsExactlyAsync<RpcException>(async () => await new NodeApi.NodeApiClient(channel).DescribeAsync(new DescribeRequest()));
        Assert.AreEqual(StatusCode.Unimplemented, thrown.StatusCode);
    }

    [TestMethod]
    public async Task NobodyListens_EndsWith5_AndSaysHowToStart()
    {
        var path = PipeServer.NewPath();
        var (exitCode, output, error) = await CommandLine.RunAsync(path, "ls");
        Assert.AreEqual(5, exitCode, error);
        Assert.AreEqual("", output);
        StringAssert.StartsWith(error, $"twins: twinsd isn't running on this node, or doesn't answer on {path}. ", StringComparison.Ordinal);
        StringAssert.Contains(error, "twins service start", StringComparison.Ordinal);
    }

    /// <summary>That the list is kept to can't be seen under wine, which lets everybody open every pipe.</summary>
    [TestMethod]
    public async Task Pipe_HasTheAccessList_AndIsAdministrators()
    {
        await using var server = await PipeServer.StartAsync(PipeServer.NewPath(), new PipeRights(Stranger, new SecurityIdentifier(WellKnownSidType.BuiltinUsersSid, null)));
        await using var pipe = new NamedPipeClientStream(
            ".", server.Path[@"\\.\pipe\".Length..], PipeAccessRights.ReadWrite, PipeOptions.Asynchronous, TokenImpersonationLevel.Identification, HandleInheritability.None);
        await pipe.ConnectAsync(30_000);
        var security = pipe.GetAccessControl();
        Assert.AreEqual("S-1-5-32-544", security.GetOwner(typeof(SecurityIdentifier))!.Value);
        Assert.AreEqual(RightsTests.AccessList, RightsTests.Describe(security));
    }

    [TestMethod]
    public void PipeThatMayNotBeOpened_EndsWith4_AndSaysWhoMay()
    {
        // As LocalPipe hands it on, and gRPC wraps it.
        var refusal = new HttpRequestException("no connection", new IOException("pipe", new UnauthorizedAccessException("Access to the path is denied.")));
        var explained = RpcFailure.Explain(new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "no connection", refusal)), CommandLine.Environment("pipe"));
        Assert.AreEqual(4, explained.ExitCode);
        StringAssert.Contains(explained.Message, "Twins Operators", StringComparison.Ordinal);
    }

    [TestMethod]
    public async Task PipeThatSomebodyElseMade_IsNotTalkedTo()
    {
        var path = PipeServer.NewPath();
        var security = new PipeSecurity();
        security.SetOwner(Stranger);
        security.AddAccessRule(new PipeAccessRule(new SecurityIdentifier(WellKnownSidType.WorldSid, null), PipeAccessRights.FullControl, AccessControlType.Allow));
        using var impostor = NamedPipeServerStreamAcl.Create(
            path[@"\\.\pipe\".Length..], PipeDirection.InOut, 1, PipeTransmissionMode.Byte, PipeOptions.Asynchronous, 0, 0, security);
        var (exitCode, _, error) = await CommandLine.RunAsync(path, "ls");
        Assert.AreEqual(5, exitCode, error);
        StringAssert.StartsWith(error, $"twins: {path} was made by S-1-5-21-1-2-3-1001, not by twinsd", StringComparison.Ordinal);
    }

    [TestMethod]
    public async Task PipeOfAnotherMachine_IsNotConnectedTo()
    {
        var (exitCode, _, _) = await CommandLine.RunAsync(@"\\host1\pipe\twins\twinsd", "ls");
        Assert.AreEqual(5, exitCode);
        await Assert.ThrowsExactlyAsync<IOException>(async () => await LocalPipe.ConnectAsync(@"\\host1\pipe\twins\twinsd", CancellationToken.None));
    }
}
