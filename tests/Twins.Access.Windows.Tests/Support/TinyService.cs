using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Twins.Manager;
using Twins.Manager.Access;
using Twins.Manager.Windows;

namespace Twins.Access.Windows.Tests.Support;

/// <summary>A service that lives as <c>twinsd</c> does, and does nothing.</summary>
internal static class TinyService
{
    public const string Argument = "tiny-service";
    public const string FailingArgument = "tiny-service-that-fails";
    public const string DaemonArgument = "twinsd";

    public static async Task<int> RunAsync(bool fails)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        Service.Use(builder);
        if (fails)
            builder.Services.AddHostedService<Failing>();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var host = builder.Build();
        try
        {
            await host.StartAsync();
        }
        catch (IOException failure)
        {
            Service.TellFailure(StartFailure.Socket, failure.Message, host.Services);
            return (int)StartFailure.Socket;
        }

        await host.WaitForShutdownAsync();
        return 0;
    }

    /// <summary>The whole program, as it is.</summary>
    public static int RunDaemon(string[] arguments) => (int)typeof(LocalAccess).Assembly.EntryPoint!.Invoke(null, [arguments])!;

    private sealed class Failing : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => throw new IOException("as it was told");

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
