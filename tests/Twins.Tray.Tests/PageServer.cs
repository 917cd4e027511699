using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Twins.Protocol;

namespace Twins.Tray.Tests;

/// <summary>The contract of page.proto on a Unix socket, with the test's answers: a real server, so that the tray's own channel is tested.</summary>
internal sealed class PageServer : PageApi.PageApiBase, IAsyncDisposable
{
    private WebApplication? _application;

    public string SocketPath { get; } = Path.Combine(Path.GetTempPath(), $"twins-tray-{Guid.NewGuid():N}.sock");

    /// <summary>Thrown in the place of an answer.</summary>
    public RpcException? Refusal { get; set; }

    public string Url { get; set; } = "";

    public async Task StartAsync()
    {
        File.Delete(SocketPath);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(this);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(SocketPath, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(host => host.ShutdownTimeout = TimeSpan.Zero);
        _application = builder.Build();
        _application.MapGrpcService<Forwarder>();
        await _application.StartAsync();
    }

    public async Task StopAsync()
    {
        if (_application is null)
            return;
        await _application.StopAsync();
        await _application.DisposeAsync();
        _application = null;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        File.Delete(SocketPath);
    }

    public override async Task Watch(WatchRequest request, IServerStreamWriter<Snapshot> responseStream, ServerCallContext context)
    {
        if (Refusal is not null)
            throw Refusal;
        await responseStream.WriteAsync(new Snapshot { Node = "home" });
        try
        {
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
        }
        catch (OperationCanceledException)
        {
            // It ends.
        }
    }

    public override Task<OpenPageReply> OpenPage(OpenPageRequest request, ServerCallContext context) => Task.FromResult(new OpenPageReply { Url = Url });

    /// <summary>gRPC wants a type that it creates; the test has an object.</summary>
    private sealed class Forwarder(PageServer server) : PageApi.PageApiBase
    {
        public override Task Watch(WatchRequest request, IServerStreamWriter<Snapshot> responseStream, ServerCallContext context) => server.Watch(request, responseStream, context);

        public override Task<OpenPageReply> OpenPage(OpenPageRequest request, ServerCallContext context) => server.OpenPage(request, context);
    }
}
