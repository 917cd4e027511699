using System.Diagnostics;
using System.Globalization;
using Grpc.Core;
using Grpc.Net.Client;
using Twins.Protocol;

namespace Twins.Cli.Lab;

/// <summary>Runs a <c>twinsd</c> on each node of the lab and joins them to one cluster.</summary>
internal sealed class LabCluster(LabFiles files, CliEnvironment environment)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(40);

    /// <summary>Starts the daemons, waits for each and makes the cluster.</summary>
    public async Task StartAsync(IReadOnlyList<LabMachine> nodes, CancellationToken cancellation)
    {
        string daemon = environment.Installation.Daemon;
        if (!File.Exists(daemon))
        {
            throw new CliException(ExitCode.Failed, "daemon-missing",
                $"{daemon} isn't there: ./twins at the repository root builds it (or: twins lab up --no-daemon)");
        }
        foreach (LabMachine node in nodes)
            await StartDaemonAsync(node, daemon, cancellation);
        var clients = new List<LocalApi.LocalApiClient>();
        var channels = new List<GrpcChannel>();
        try
        {
            foreach (LabMachine node in nodes)
            {
                GrpcChannel channel = environment.OpenChannel(SocketOf(node));
                channels.Add(channel);
                clients.Add(new LocalApi.LocalApiClient(channel));
                await UntilKnownAsync(node, clients[^1], 1, cancellation);
            }
            await JoinAsync(nodes, clients, cancellation);
            for (int i = 0; i < nodes.Count; i++)
                await UntilKnownAsync(nodes[i], clients[i], nodes.Count, cancellation);
        }
        finally
        {
            channels.ForEach(channel => channel.Dispose());
        }
    }

    private async Task StartDaemonAsync(LabMachine node, string daemon, CancellationToken cancellation)
    {
        int init = files.InitOf(node.Name)!.Value.Pid;
        // The log is this machine's file; the daemon gets it as its output and sees nothing else of the lab.
        string command = $"nsenter -t {init.ToString(CultureInfo.InvariantCulture)} -n -p -m -u -i -- " +
            "sh -c 'cd /; setsid sh -c \"$0\" sh \"$1\" \"$2\" &' \"$0\" \"$1\" \"$2\" </dev/null >>\"$3\" 2>&1";
        await LabTools.RunAsync("env",
            ["-u", "TWINS_SOCKET", $"TWINS_HOME={environment.Installation.Home}",
             "sh", "-c", command, LabTools.Script("machine-daemon.sh"), daemon, node.Name, files.Log(node.Name)],
            null, cancellation);
    }

    private static async Task JoinAsync(
        IReadOnlyList<LabMachine> nodes, List<LocalApi.LocalApiClient> clients, CancellationToken cancellation)
    {
        await clients[0].ClusterInitAsync(
            new ClusterInitRequest { Node = nodes[0].Name, Address = nodes[0].IPv4 }, cancellationToken: cancellation);
        for (int i = 1; i < nodes.Count; i++)
        {
            ClusterTokenReply token = await clients[0].ClusterTokenAsync(new ClusterTokenRequest(), cancellationToken: cancellation);
            await clients[i].ClusterJoinAsync(new ClusterJoinRequest
            {
                Token = token.Token,
                Node = nodes[i].Name,
                Address = nodes[i].IPv4,
            }, cancellationToken: cancellation);
        }
    }

    /// <summary>Waits until the node's daemon answers and reaches that many nodes, itself among them.</summary>
    private async Task UntilKnownAsync(
        LabMachine node, LocalApi.LocalApiClient client, int count, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        string problem = "";
        while (Stopwatch.GetElapsedTime(start) < Limit)
        {
            try
            {
                ListNodesReply reply = await client.ListNodesAsync(new ListNodesRequest(),
                    deadline: DateTime.UtcNow.AddSeconds(5), cancellationToken: cancellation);
                // Before the first cluster a node may know none, not even itself.
                if (count == 1 || reply.Nodes.Count(other => other.Self || other.Reachable) == count)
                    return;
                problem = $"reaches {reply.Nodes.Count(other => other.Self || other.Reachable)} of {count} nodes";
            }
            catch (RpcException failure) when (!cancellation.IsCancellationRequested)
            {
                problem = failure.Status.Detail;
            }
            await Task.Delay(50, cancellation);
        }
        throw new CliException(ExitCode.Failed, "daemon-not-ready",
            $"twinsd of {node.Name} wasn't ready within {Limit.TotalSeconds:0} s ({problem}); the end of its log:\n{LogEnd(node)}");
    }

    private string SocketOf(LabMachine node) => $"/proc/{files.InitOf(node.Name)!.Value.Pid}/root/run/twins/twinsd.sock";

    private string LogEnd(LabMachine node) => File.Exists(files.Log(node.Name))
        ? string.Join('\n', File.ReadLines(files.Log(node.Name)).TakeLast(20)) : "(none)";
}
