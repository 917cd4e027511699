using System.Net.Sockets;
using Grpc.Net.Client;
using Twins.Cli.Windows;

namespace Twins.Cli.Client;

/// <summary>gRPC over a Unix socket, or over a named pipe of Windows.</summary>
internal static class LocalChannel
{
    /// <summary>Opens a channel; nothing is sent before the first call.</summary>
    public static GrpcChannel Open(string socketPath)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, cancellation) => OperatingSystem.IsWindows()
                ? await LocalPipe.ConnectAsync(socketPath, cancellation)
                : await ConnectAsync(socketPath, cancellation),
        };
        return GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
        });
    }

    private static async Task<Stream> ConnectAsync(string socketPath, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
