using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.NamedPipes;

namespace Twins.Manager.Access.Windows;

/// <summary>The local API's named pipe: Kestrel's own transport, which is sure to have made the first instance of the name.</summary>
internal static class LocalPipeExtensions
{
    private const string Prefix = @"\\.\pipe\";

    public static IServiceCollection AddLocalPipe(this IServiceCollection services, PipeRights rights, string readers)
    {
        services.AddSingleton(rights);
        services.AddSingleton<LocalAccess>(provider => ActivatorUtilities.CreateInstance<PipeAccess>(provider, readers));
        services.Configure<NamedPipeTransportOptions>(pipes =>
        {
            // The access list says who, and the owner is checked by the client.
            pipes.CurrentUserOnly = false;
            pipes.PipeSecurity = rights.Security();
        });
        return services;
    }

    /// <exception cref="ArgumentException">The path is not that of a pipe of this machine.</exception>
    public static void ListenLocalPipe(this KestrelServerOptions kestrel, string path)
    {
        if (!path.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException($"a pipe's path begins with {Prefix}", nameof(path));
        var rights = kestrel.ApplicationServices.GetRequiredService<PipeRights>();
        kestrel.ListenNamedPipe(path[Prefix.Length..], endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http2;
            endpoint.Use(next => connection =>
            {
                if (connection.Features.Get<IConnectionNamedPipeFeature>() is { NamedPipe: var pipe })
                    connection.Features.Set(new PipeCaller(pipe, rights));
                return next(connection);
            });
            ListenerFeature.Mark(endpoint, ListenerKind.Local);
        });
    }
}
