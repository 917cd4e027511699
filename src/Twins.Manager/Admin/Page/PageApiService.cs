using Grpc.Core;
using Twins.Manager.Access;
using Twins.Manager.Access.Sessions;
using Twins.Manager.Audit;
using Twins.Manager.Cluster;
using Twins.Manager.Migration;
using Twins.Manager.Nodes;
using Twins.Manager.Registry;
using Twins.Manager.Settings;
using Twins.Protocol;
using Twins.Table;
using Status = Grpc.Core.Status;

namespace Twins.Manager.Admin.Page;

/// <summary>What the admin page has beyond the CLI: logins, sessions, the feed, metrics. Who may call what is decided before.</summary>
internal sealed class PageApiService(
    PageProgram program,
    LocalAccess access,
    PageLogins logins,
    PageSessions sessions,
    AuditLog audit,
    StateFeed feed,
    MigrationBoard board,
    MigrationCheck check,
    ProcessRegistry registry,
    NodeCluster identity,
    RecentLog recent,
    IHostApplicationLifetime lifetime,
    TwinsdOptions options) : PageApi.PageApiBase
{
    private const int MostAuditLines = 500;

    public override Task<OpenPageReply> OpenPage(OpenPageRequest request, ServerCallContext context) => LocalApiService.GuardAsync(async () =>
    {
        var caller = Caller(context);
        await program.EnsureAsync(context.CancellationToken);
        var code = logins.Create(access.NameOf(caller), caller.MayChange, out var expires);
        return new OpenPageReply
        {
            Url = $"{program.Url}/login?code={code}",
            Role = PageSession.RoleName(caller.MayChange),
            ExpiresUnixMilliseconds = expires.ToUnixTimeMilliseconds(),
        };
    });

    public override Task<PageReadyReply> PageReady(PageReadyRequest request, ServerCallContext context)
    {
        program.Ready();
        return Task.FromResult(new PageReadyReply());
    }

    public override Task<LoginReply> Login(LoginRequest request, ServerCallContext context)
    {
        if (logins.TryUse(request.Code) is not { } login)
            throw new RpcException(new Status(StatusCode.Unauthenticated, "This login was used before, or is older than a minute. Run 'twins admin' for another one."));
        var token = sessions.Begin(login.User, login.IsAdmin, out var session);
        audit.Add(Caller(context) with { Name = session.User }, "Login", PageSession.RoleName(session.IsAdmin), "done", "");
        return Task.FromResult(new LoginReply { Session = token, Info = Describe(session) });
    }

    public override Task<SessionInfo> ReadSession(ReadSessionRequest request, ServerCallContext context) => Task.FromResult(Describe(Session(context)));

    public override Task<LogoutReply> Logout(LogoutRequest request, ServerCallContext context)
    {
        sessions.End(Session(context));
        audit.Add(Caller(context), "Logout", "", "done", "");
        return Task.FromResult(new LogoutReply());
    }

    public override async Task Watch(WatchRequest request, IServerStreamWriter<Snapshot> responseStream, ServerCallContext context)
    {
        var session = Caller(context).Session;
        // Else the server would wait at its end for those who watch.
        using var until = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        try
        {
            await foreach (var snapshot in feed.WatchAsync(request.Process, until.Token))
            {
                if (session is not null && !sessions.IsLiving(session))
                    throw new RpcException(new Status(StatusCode.Unauthenticated, "This login has ended. Run 'twins admin' for another one."));
                await responseStream.WriteAsync(snapshot, context.CancellationToken);
            }
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "twinsd ends."));
        }
    }

    public override Task<CheckMigrationReply> CheckMigration(MigrateRequest request, ServerCallContext context) => LocalApiService.GuardAsync(() =>
        check.RunAsync(
            registry.Find(request.Process) ?? throw new RpcException(new Status(StatusCode.NotFound, $"No mobile process is named '{request.Process}' on node '{identity.Name}'.")),
            request.Destination,
            context.CancellationToken));

    public override Task<ReadSettingsReply> ReadSettings(ReadSettingsRequest request, ServerCallContext context) => Task.FromResult(new ReadSettingsReply
    {
        Settings =
        {
            SettingsReader.Describe(options).Select(setting => new SettingInfo
            {
                Key = setting.Key,
                Value = setting.Value,
                Default = setting.Default,
                Allowed = setting.Allowed,
                Source = options.Sources.GetValueOrDefault(setting.Property, "default"),
            }),
        },
    });

    public override Task<ReadLogReply> ReadLog(ReadLogRequest request, ServerCallContext context) =>
        Task.FromResult(new ReadLogReply { Lines = { recent.After(request.After) } });

    public override Task<ReadAuditReply> ReadAudit(ReadAuditRequest request, ServerCallContext context) => Task.FromResult(new ReadAuditReply
    {
        Entries =
        {
            audit.ReadLast(MostAuditLines).Select(line => new AuditEntry
            {
                UnixMilliseconds = line.Time.ToUnixTimeMilliseconds(),
                Who = line.Who,
                Via = line.Via,
                What = line.What,
                Subject = line.Subject,
                Outcome = line.Outcome,
                Detail = line.Detail,
            }),
        },
    });

    public override async Task<MetricsReply> ReadMetrics(ReadMetricsRequest request, ServerCallContext context)
    {
        var snapshot = (await feed.TakeAsync()).Snapshot;
        var reply = new MetricsReply
        {
            Node = identity.Name,
            Version = NodeFacts.Version,
            Sessions = (uint)sessions.Count,
            Nodes = { snapshot.Nodes.Select(n => new NodeMetrics { Name = n.Name, Reachable = n.Reachable, RoundTripSeconds = n.RoundTripMilliseconds / 1000 }) },
            Processes =
            {
                snapshot.Processes.Select(p => new ProcessMetrics
                {
                    Name = p.Name,
                    Node = p.Node,
                    Home = p.Home,
                    State = p.State,
                    Epoch = p.Epoch,
                    Connections = p.Connections,
                    Listeners = p.Listeners,
                    HeldPackets = p.HeldPackets,
                    HeldBytes = p.HeldBytes,
                    RedirectedPackets = p.RedirectedPackets,
                    RedirectedBytes = p.RedirectedBytes,
                    Drops = { p.Drops },
                }),
            },
        };
        if (snapshot.Processes.Count > 0)
            reply.NodeDrops.Add(snapshot.Processes[0].NodeDrops);
        board.Fill(reply);
        return reply;
    }

    private static LocalCaller Caller(ServerCallContext context) =>
        context.GetHttpContext().Features.Get<LocalCaller>() ?? throw new InvalidOperationException("The call was let in without a caller.");

    private static PageSession Session(ServerCallContext context) => Caller(context).Session
        ?? throw new RpcException(new Status(StatusCode.FailedPrecondition, "This call needs a session of the admin page."));

    private SessionInfo Describe(PageSession session) => new()
    {
        User = session.User,
        Role = PageSession.RoleName(session.IsAdmin),
        ExpiresUnixMilliseconds = session.Expires.ToUnixTimeMilliseconds(),
        Node = identity.Name,
    };
}
