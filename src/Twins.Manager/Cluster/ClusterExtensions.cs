using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Twins.Manager.Access;
using Twins.Manager.Settings;

namespace Twins.Manager.Cluster;

/// <summary>Wiring of the cluster's part.</summary>
internal static class ClusterExtensions
{
    /// <summary>Membership, directory and connections. Needs <see cref="TwinsdOptions"/>.</summary>
    public static IServiceCollection AddTwinsCluster(this IServiceCollection services)
    {
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(provider => new ClusterFiles(provider.GetRequiredService<TwinsdOptions>().ClusterDirectory));
        services.AddSingleton<NodeDirectory>();
        services.AddSingleton<TokenStore>();
        services.AddSingleton<FailureLimit>();
        services.AddSingleton<NodeCluster>();
        services.AddSingleton<NodeConnections>();
        services.AddSingleton<INodeTransport, TlsTransport>();
        services.AddSingleton<NodeAnnouncer>();
        services.AddHostedService(provider => provider.GetRequiredService<NodeAnnouncer>());
        services.AddSingleton<CertificateRenewal>();
        services.AddHostedService(provider => provider.GetRequiredService<CertificateRenewal>());
        return services;
    }

    /// <summary>Listens on the node API's port and on the one after it, for nodes that join.</summary>
    public static void ConfigureNodeApi(this KestrelServerOptions kestrel, TwinsdOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = 1024;
        kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        kestrel.Limits.MaxRequestHeaderCount = 50;
        kestrel.Limits.Http2.MaxStreamsPerConnection = 256;
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);

        // Images wait for nothing but the link: the defaults (16 KiB, less than 1 MiB) make sender and receiver take turns.
        kestrel.Limits.Http2.MaxFrameSize = 1 << 20;
        kestrel.Limits.Http2.InitialStreamWindowSize = 8 << 20;
        kestrel.Limits.Http2.InitialConnectionWindowSize = 16 << 20;

        // A stream of images is as long as it is; gRPC bounds each message of it.
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.ApplicationServices.GetRequiredService<ConnectionEnds>();
        var transport = kestrel.ApplicationServices.GetRequiredService<INodeTransport>();
        Listen(kestrel, options, options.ApiPort, ListenerKind.Node, transport);
        Listen(kestrel, options, options.JoinPort, ListenerKind.Join, transport);
    }

    private static void Listen(KestrelServerOptions kestrel, TwinsdOptions options, int port, ListenerKind kind, INodeTransport transport)
    {
        if (options.Address.Length > 0)
            kestrel.Listen(IPAddress.Parse(options.Address), port, Configure);
        else
            kestrel.ListenAnyIP(port, Configure);

        void Configure(ListenOptions endpoint)
        {
            endpoint.Protocols = HttpProtocols.Http2;
            ListenerFeature.Mark(endpoint, kind);
            transport.Accept(endpoint, kind);
        }
    }
}
