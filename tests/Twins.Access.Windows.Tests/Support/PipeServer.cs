using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Twins.Manager.Access;
using Twins.Manager.Access.Windows;
using Twins.Manager.Settings;
using Twins.Protocol;

namespace Twins.Access.Windows.Tests.Support;

/// <summary>The local API's door with a service of the test behind it, by a pipe of its own.</summary>
internal sealed class PipeServer : IAsyncDisposable
{
    private static int _last;

    private readonly WebApplication _app;

    private PipeServer(WebApplication app, string path) => (_app, Path) = (app, path);

    public string Path { get; }

    public static string NewPath() => $@"\\.\pipe\twins\test-{Environment.ProcessId}-{Interlocked.Increment(ref _last)}";

    /// <param name="rights">Null: those that the program has.</param>
    public static async Task<PipeServer> StartAsync(string path, PipeRights? rights = null)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders().AddTwinsFilters();
        builder.Services.AddSingleton(TimeProvider.System).AddSingleton(new TwinsdOptions
        {
            RunDirectory = System.IO.Path.GetTempPath(), StateDirectory = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"twins-{Environment.ProcessId}"),
        }).AddTwinsAccess();
        if (rights is not null)
            builder.Services.AddLocalPipe(rights, "Twins Operators");
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ApplicationServices.GetRequiredService<ConnectionEnds>();
            kestrel.ListenLocalPipe(path);
        });
        var app = builder.Build();
        app.MapGrpcService<Answers>();
        try
        {
            await app.StartAsync();
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }

        return new PipeServer(app, path);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private sealed class Answers : LocalApi.LocalApiBase
    {
        public override Task<ListProcessesReply> ListProcesses(ListProcessesRequest request, ServerCallContext context) =>
            Task.FromResult(new ListProcessesReply { Processes = { new ProcessInfo { Name = "redis", Pid = 42, Node = "host1", Home = "home", State = "running", Epoch = 2 } } });
    }
}
