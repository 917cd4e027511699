using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Twins.Manager.Access.Linux;
using Twins.Manager.Access.Sessions;
using Twins.Manager.Access.Windows;
using Twins.Manager.Audit;
using Twins.Manager.Cluster;
using Twins.Manager.Settings;

namespace Twins.Manager.Access;

/// <summary>Wiring of the local API's door: a Unix socket, or a named pipe.</summary>
internal static class AccessExtensions
{
    /// <summary>The group that may read, unless another one is given.</summary>
    public static string DefaultReaders => OperatingSystem.IsWindows() ? "Twins Operators" : "twins";

    /// <summary>gRPC with every call checked; the services themselves are mapped by the program. Needs <see cref="TwinsdOptions"/>.</summary>
    public static IServiceCollection AddTwinsAccess(this IServiceCollection services, string? readers = null)
    {
        readers ??= DefaultReaders;
        services.AddSingleton<RefusalLog>();
        services.AddSingleton<AuditLog>();
        services.AddSingleton<PageLogins>();
        services.AddSingleton<PageSessions>();
        services.AddSingleton<PageCallers>();
        services.AddSingleton<ConnectionEnds>();
        services.AddSingleton<AccessGate>();
        services.AddSingleton<IStartupFilter, AccessGateFilter>();
        if (OperatingSystem.IsWindows())
        {
            services.AddLocalPipe(PipeRights.OfThisMachine(readers), readers);
        }
        else
        {
            services.AddSingleton<LocalAccess>(provider => ActivatorUtilities.CreateInstance<SocketAccess>(provider, readers));
            services.AddHostedService<LocalSocketOpener>();
        }

        services.AddGrpc(grpc =>
        {
            grpc.Interceptors.Add<CallInterceptor>();
            grpc.MaxReceiveMessageSize = NodeConnections.MostMessageBytes;
            grpc.MaxSendMessageSize = NodeConnections.MostMessageBytes;
            grpc.EnableDetailedErrors = false;
        });
        return services;
    }

    /// <summary>Listens on the Unix socket or the pipe, HTTP/2 without TLS.</summary>
    /// <exception cref="IOException">Another server has the socket.</exception>
    public static void ConfigureLocalApi(this KestrelServerOptions kestrel, TwinsdOptions options)
    {
        kestrel.ApplicationServices.GetRequiredService<ConnectionEnds>();
        if (OperatingSystem.IsWindows())
        {
            kestrel.ListenLocalPipe(options.LocalSocketPath);
            return;
        }

        LocalSocket.Prepare(options.LocalSocketPath);
        kestrel.ListenUnixSocket(options.LocalSocketPath, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http2;
            ListenerFeature.Mark(endpoint, ListenerKind.Local);
        });
    }
}
