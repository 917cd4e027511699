using Twins.Manager.Cluster;
using System.Diagnostics;
using Grpc.Core;
using Twins.Manager.Explaining;
using Twins.Manager.Migration;
using Twins.Manager.Nodes;
using Twins.Manager.Registry;
using Twins.Manager.Watching;
using Twins.Protocol;
using Twins.Table;
using Status = Grpc.Core.Status;

namespace Twins.Manager.Admin;

/// <summary>The CLI's side door: processes, nodes, migrations, cluster.</summary>
internal sealed class LocalApiService(
    ProcessRegistry registry,
    ProcessIntake intake,
    ProcessView view,
    ManualRedirection manual,
    RedirectionPause pause,
    MigrationService migrations,
    NodeMap nodes,
    NodeCluster identity,
    NodeList nodeList,
    MigrationBoard board,
    Verdicts verdicts,
    Doctor doctor,
    PacketWatcher packets,
    Explainer explainer,
    IHostApplicationLifetime lifetime,
    ClusterCommands cluster) : LocalApi.LocalApiBase
{
    // The question that is under way to the destination, and the order to give up, have their deadlines first.
    private static readonly TimeSpan ResolveTime = TimeSpan.FromSeconds(30);

    public override Task<ProcessInfo> Attach(AttachRequest request, ServerCallContext context) => GuardAsync(async () =>
        await view.InfoAsync(await intake.AttachAsync(request, context.CancellationToken)));

    public override Task<ListProcessesReply> ListProcesses(ListProcessesRequest request, ServerCallContext context) =>
        GuardAsync(() => DescribeAsync(registry.List()));

    public override Task<ProcessInfo> ShowProcess(ShowProcessRequest request, ServerCallContext context) =>
        GuardAsync(() => view.InfoAsync(Find(request.Process), withHistory: true));

    public override Task<ListNodesReply> ListNodes(ListNodesRequest request, ServerCallContext context) => GuardAsync(async () =>
    {
        var described = await nodeList.ReadAsync(context.CancellationToken);
        return new ListNodesReply { Nodes = { described.Select(d => d.Info) } };
    });

    public override async Task Migrate(MigrateRequest request, IServerStreamWriter<MigrationEvent> responseStream, ServerCallContext context)
    {
        await GuardAsync(async () =>
        {
            var record = Find(request.Process);
            if (record.CurrentNode == identity.Name)
            {
                await foreach (var step in migrations.MigrateHereAsync(record.Id, request.Destination, request.Path, context.CancellationToken))
                    await responseStream.WriteAsync(step, CancellationToken.None);
                return true;
            }

            // The node that runs the process carries it out.
            var forwarded = new RequestMigrationRequest { ProcessId = record.Id, Destination = request.Destination, Path = request.Path };
            using var call = nodes.Client(record.CurrentNode).RequestMigration(forwarded, cancellationToken: context.CancellationToken);
            var phase = MigrationSteps.Preflight;
            var standing = board.Begin(record.Id, record.Name, record.CurrentNode, request.Destination);
            try
            {
                await foreach (var step in call.ResponseStream.ReadAllAsync(CancellationToken.None))
                {
                    phase = step.Progress?.Phase ?? phase;
                    board.Tell(standing, step, isOurs: false);
                    await responseStream.WriteAsync(step, CancellationToken.None);
                }
            }
            catch (RpcException e) when (e.Trailers.GetValue(NodeApiService.CodeTrailer) is null && !context.CancellationToken.IsCancellationRequested)
            {
                var lost = LostSightOf(record, phase, e);
                board.Tell(standing, lost, isOurs: false);
                await responseStream.WriteAsync(lost, CancellationToken.None);
            }
            catch (RpcException e)
            {
                board.Tell(standing, new MigrationEvent { Failure = new MigrationFailure { Phase = phase, Code = "refused", Message = e.Status.Detail, RolledBack = true } }, isOurs: false);
                throw;
            }

            return true;
        });
    }

    public override Task<CancelMigrationReply> CancelMigration(ProcessRequest request, ServerCallContext context) => GuardAsync(async () =>
    {
        var record = Find(request.Process);
        return record.CurrentNode == identity.Name
            ? new CancelMigrationReply { UnderWay = migrations.Cancel(record.Id) }
            : await nodes.Client(record.CurrentNode).CancelMigrationAsync(new CancelMigrationRequest { ProcessId = record.Id }, cancellationToken: context.CancellationToken);
    });

    public override Task<ProcessInfo> Hold(ProcessRequest request, ServerCallContext context) =>
        GuardAsync(async () => await view.InfoAsync(await manual.HoldAsync(Find(request.Process))));

    public override Task<ProcessInfo> Redirect(RedirectRequest request, ServerCallContext context) =>
        GuardAsync(async () =>
        {
            var (record, cabin) = await manual.RedirectAsync(Find(request.Process), request.Address, context.CancellationToken);
            var info = await view.InfoAsync(record);
            info.Cabin = cabin;
            return info;
        });

    public override Task<ProcessInfo> Release(ProcessRequest request, ServerCallContext context) =>
        GuardAsync(async () => await view.InfoAsync(await manual.ReleaseAsync(Find(request.Process))));

    public override Task<ListProcessesReply> PauseRedirecting(PauseRedirectingRequest request, ServerCallContext context) =>
        GuardAsync(async () => await DescribeAsync(await pause.PauseAsync()));

    public override Task<ListProcessesReply> ResumeRedirecting(ResumeRedirectingRequest request, ServerCallContext context) =>
        GuardAsync(async () => await DescribeAsync(await pause.ResumeAsync()));

    public override Task<ProcessInfo> Resolve(ResolveRequest request, ServerCallContext context) => GuardAsync(async () =>
    {
        var record = Find(request.Process);
        if (request.RunHere == request.Gone)
            throw new RpcException(new Status(StatusCode.InvalidArgument, "Say either --run-here or --gone."));
        if (record.State != ProcessState.InDoubt)
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"'{record.Name}' isn't in doubt; there is nothing to decide."));
        verdicts.Give(record.Id, request.Gone);
        var started = Stopwatch.GetTimestamp();
        while (registry.FindById(record.Id) is { State: ProcessState.InDoubt } && Stopwatch.GetElapsedTime(started) < ResolveTime)
            await Task.Delay(TimeSpan.FromMilliseconds(20), context.CancellationToken);
        return await view.InfoAsync(registry.FindById(record.Id) ?? record);
    });

    public override async Task WatchPackets(WatchNodeRequest request, IServerStreamWriter<WatchPacketsReply> responseStream, ServerCallContext context)
    {
        // This program's end would wait for the answer's.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        await GuardAsync(async () =>
        {
            var asked = new WatchPacketsRequest { ProcessId = request.Process.Length == 0 ? "" : Find(request.Process).Id, Payload = request.Payload };
            var here = request.Node.Length == 0 || request.Node == identity.Name;
            var replies = here ? packets.WatchAsync(asked, end.Token) : nodes.Get(request.Node).WatchPacketsAsync(asked, end.Token);
            await foreach (var reply in replies)
                await responseStream.WriteAsync(reply, end.Token);
            return true;
        });
    }

    public override Task<ExplainReply> ExplainProcess(ProcessRequest request, ServerCallContext context) =>
        GuardAsync(() => explainer.ExplainAsync(Find(request.Process), context.CancellationToken));

    public override Task<DiagnoseReply> Diagnose(DiagnoseRequest request, ServerCallContext context) =>
        GuardAsync(() => doctor.DiagnoseAsync(request.RemoveLeftovers, context.CancellationToken));

    public override Task<ClusterInitReply> ClusterInit(ClusterInitRequest request, ServerCallContext context) =>
        GuardAsync(() => cluster.InitAsync(request, context.CancellationToken));

    public override Task<ClusterTokenReply> ClusterToken(ClusterTokenRequest request, ServerCallContext context) =>
        GuardAsync(() => cluster.MakeTokenAsync(request, context.CancellationToken));

    public override Task<ClusterJoinReply> ClusterJoin(ClusterJoinRequest request, ServerCallContext context) =>
        GuardAsync(() => cluster.JoinAsync(request, context.CancellationToken));

    /// <summary>The node that moves the process can't be reached, or not any more: only it knows how the migration stands.</summary>
    private static MigrationEvent LostSightOf(ProcessRecord record, string phase, RpcException cause) => new()
    {
        Failure = new MigrationFailure
        {
            Phase = phase,
            Code = "node-unreachable",
            Message = $"Node '{record.CurrentNode}', which runs '{record.Name}' and would move it, didn't answer ({RemoteNode.Cause(cause)}). Check that its twinsd runs and that the network between the nodes works; 'twins show {record.Name}' there tells whether it has moved.",
        },
    };

    private async Task<ListProcessesReply> DescribeAsync(IEnumerable<ProcessRecord> records)
    {
        var reply = new ListProcessesReply();
        foreach (var record in records)
            reply.Processes.Add(await view.InfoAsync(record));
        return reply;
    }

    private ProcessRecord Find(string process) => registry.Find(process)
        ?? throw new RpcException(new Status(StatusCode.NotFound, $"No mobile process is named '{process}' or has that PID on node '{identity.Name}'. 'twins ls' lists them; 'twins attach PID' takes one."));

    /// <summary>Puts refusals of every kind into a status and a sentence.</summary>
    public static async Task<T> GuardAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (NodeException e)
        {
            var status = e.Code switch
            {
                "no-such-process" or "unknown-node" => StatusCode.NotFound,
                "invalid-request" => StatusCode.InvalidArgument,
                _ => StatusCode.FailedPrecondition,
            };
            throw new RpcException(new Status(status, e.Message));
        }
        catch (Exception e) when (e is TableException or ClusterException)
        {
            throw new RpcException(new Status(StatusCode.Internal, e.Message));
        }
    }
}
