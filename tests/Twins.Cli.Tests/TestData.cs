using Grpc.Core;
using Twins.Protocol;

namespace Twins.Cli.Tests;

/// <summary>A node with one process, as twinsd would describe it.</summary>
internal sealed class TestData : LocalApi.LocalApiBase
{
    public static ProcessInfo Redis() => new()
    {
        ProcessId = "p1",
        Name = "redis",
        Pid = 200123,
        Node = "host1",
        State = "running",
        Epoch = 2,
        Home = "home",
        Executable = "/usr/bin/redis-server",
        TwinPid = 31,
        Path = "relay",
        HeldPackets = 4,
        HeldBytes = 2048,
        RedirectedPackets = 70000,
        RedirectedBytes = 90000000,
        Drops = { ["late"] = 3, ["hold-full"] = 1 },
        TwinDrops = { ["UnknownLeg"] = 5, ["QueueFull"] = 2 },
        NodeDrops = { ["Silenced"] = 6 },
        Endpoints =
        {
            new EndpointInfo { Protocol = "tcp", Local = "10.77.0.2:6379", Role = "listener", Home = "home", State = "LISTEN" },
            new EndpointInfo
            {
                Protocol = "tcp", Local = "10.77.0.2:6379", Remote = "10.77.0.1:40000", Role = "server", Home = "home",
                State = "ESTABLISHED",
            },
        },
        History =
        {
            new MigrationRecord
            {
                From = "home", To = "host1", Epoch = 2, StartedUnixMilliseconds = 1_700_000_000_123, Outcome = "committed",
            },
        },
    };

    public override Task<ListProcessesReply> ListProcesses(ListProcessesRequest request, ServerCallContext context) =>
        Task.FromResult(new ListProcessesReply { Processes = { Redis() } });

    public override Task<ListProcessesReply> PauseRedirecting(PauseRedirectingRequest request, ServerCallContext context) =>
        Task.FromResult(new ListProcessesReply { Processes = { Redis() } });

    public override Task<ListProcessesReply> ResumeRedirecting(ResumeRedirectingRequest request, ServerCallContext context) =>
        Task.FromResult(new ListProcessesReply());

    public override Task<ProcessInfo> ShowProcess(ShowProcessRequest request, ServerCallContext context) =>
        request.Process is "redis" or "200123" ? Task.FromResult(Redis())
        : throw new RpcException(new Grpc.Core.Status(StatusCode.NotFound, $"no mobile process '{request.Process}'"));

    public override Task<ListNodesReply> ListNodes(ListNodesRequest request, ServerCallContext context) =>
        Task.FromResult(new ListNodesReply
        {
            Nodes =
            {
                new NodeInfo
                {
                    Name = "home", Address = "10.77.0.2:7457", Self = true, Reachable = true, Version = "0.1.0",
                    Kernel = "6.18.0", Criu = "4.2.1", Processes = 1,
                },
                new NodeInfo { Name = "host1", Address = "10.77.0.3:7457", Problem = "no route to host" },
            },
        });
}
