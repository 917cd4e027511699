using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Twins.Protocol;

namespace Twins.Cli.Tests;

/// <summary>The contract of local.proto on a Unix socket, with the test's answers: a real server, so that
/// the CLI's own channel is what is tested.</summary>
internal sealed class LocalApiServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private LocalApiServer(WebApplication application, string socketPath)
    {
        _application = application;
        SocketPath = socketPath;
    }

    public string SocketPath { get; }

    public static async Task<LocalApiServer> StartAsync(string directory, LocalApi.LocalApiBase answers)
    {
        string socket = Path.Combine(directory, "twinsd.sock");
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(answers);
        builder.WebHost.ConfigureKestrel(options =>
            options.ListenUnixSocket(socket, listen => listen.Protocols = HttpProtocols.Http2));
        WebApplication application = builder.Build();
        application.MapGrpcService<Forwarder>();
        application.MapGrpcService<Page>();
        await application.StartAsync();
        return new LocalApiServer(application, socket);
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private sealed class Page : PageApi.PageApiBase
    {
        public override Task<OpenPageReply> OpenPage(OpenPageRequest request, ServerCallContext context) =>
            Task.FromResult(new OpenPageReply { Url = "http://127.0.0.1:7459/login?code=x", Role = "admin" });
    }

    /// <summary>gRPC wants a type that it creates; the test has an object.</summary>
    private sealed class Forwarder(LocalApi.LocalApiBase answers) : LocalApi.LocalApiBase
    {
        public override Task<ProcessInfo> Attach(AttachRequest request, ServerCallContext context) =>
            answers.Attach(request, context);

        public override Task<ListProcessesReply> ListProcesses(ListProcessesRequest request, ServerCallContext context) =>
            answers.ListProcesses(request, context);

        public override Task<ProcessInfo> ShowProcess(ShowProcessRequest request, ServerCallContext context) =>
            answers.ShowProcess(request, context);

        public override Task<ListNodesReply> ListNodes(ListNodesRequest request, ServerCallContext context) =>
            answers.ListNodes(request, context);

        public override Task Migrate(MigrateRequest request, IServerStreamWriter<MigrationEvent> stream, ServerCallContext context) =>
            answers.Migrate(request, stream, context);

        public override Task<CancelMigrationReply> CancelMigration(ProcessRequest request, ServerCallContext context) =>
            answers.CancelMigration(request, context);

        public override Task<ProcessInfo> Hold(ProcessRequest request, ServerCallContext context) =>
            answers.Hold(request, context);

        public override Task<ProcessInfo> Redirect(RedirectRequest request, ServerCallContext context) =>
            answers.Redirect(request, context);

        public override Task<ProcessInfo> Release(ProcessRequest request, ServerCallContext context) =>
            answers.Release(request, context);

        public override Task<ListProcessesReply> PauseRedirecting(PauseRedirectingRequest request, ServerCallContext context) =>
            answers.PauseRedirecting(request, context);

        public override Task<ListProcessesReply> ResumeRedirecting(ResumeRedirectingRequest request, ServerCallContext context) =>
            answers.ResumeRedirecting(request, context);

        public override Task<ProcessInfo> Resolve(ResolveRequest request, ServerCallContext context) =>
            answers.Resolve(request, context);

        public override Task<ExplainReply> ExplainProcess(ProcessRequest request, ServerCallContext context) =>
            answers.ExplainProcess(request, context);

        public override Task<DiagnoseReply> Diagnose(DiagnoseRequest request, ServerCallContext context) =>
            answers.Diagnose(request, context);

        public override Task<ClusterInitReply> ClusterInit(ClusterInitRequest request, ServerCallContext context) =>
            answers.ClusterInit(request, context);

        public override Task<ClusterTokenReply> ClusterToken(ClusterTokenRequest request, ServerCallContext context) =>
            answers.ClusterToken(request, context);

        public override Task<ClusterJoinReply> ClusterJoin(ClusterJoinRequest request, ServerCallContext context) =>
            answers.ClusterJoin(request, context);
    }
}
