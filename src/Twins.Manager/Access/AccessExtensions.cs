using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Twins.Manager.Cluster;
using Twins.Manager.Settings;

namespace Twins.Manager.Access;

/// <summary>Wiring of the local API's door.</summary>
internal static class AccessExtensions
{
    /// <summary>gRPC with every call checked; the services themselves are mapped by the program. Needs <see cref="TwinsdOptions"/>.</summary>
    public static IServiceCollection AddTwinsAccess(this IServiceCollection services, string readers = LocalAccess.DefaultReaders)
    {
        services.AddSingleton<RefusalLog>();
        services.AddSingleton<ConnectionEnds>();
        services.AddSingleton(provider => new LocalAccess(readers, provider.GetRequiredService<RefusalLog>()));
        services.AddSingleton<AccessGate>();
        services.AddSingleton<IStartupFilter, AccessGateFilter>();
        services.AddHostedService<LocalSocketOpener>();
        services.AddGrpc(grpc =>
        {
            grpc.Interceptors.Add<CallInterceptor>();
            grpc.MaxReceiveMessageSize = NodeConnections.MostMessageBytes;
            grpc.MaxSendMessageSize = NodeConnections.MostMessageBytes;
            grpc.EnableDetailedErrors = false;
        });
        return services;
    }

    /// <summary>Listens on the Unix socket, HTTP/2 without TLS.</summary>
    /// <exception cref="IOException">Another server has the socket.</exception>
    public static void ConfigureLocalApi(this KestrelServerOptions kestrel, TwinsdOptions options)
    {
        LocalSocket.Prepare(options.LocalSocketPath);
        kestrel.ApplicationServices.GetRequiredService<ConnectionEnds>();
        kestrel.ListenUnixSocket(options.LocalSocketPath, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http2;
            ListenerFeature.Mark(endpoint, ListenerKind.Local);
        });
    }
}
