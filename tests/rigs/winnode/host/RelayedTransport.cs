using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Twins.Manager.Access;
using Twins.Manager.Cluster;

namespace Twins.WindowsNode;

/// <summary>
/// What stands between nodes is the relay (tls_relay.py), since Wine makes no TLS for .NET: it does the handshakes with this node's
/// certificate, and the rest comes over loopback. An incoming connection begins with the caller's certificate, which the relay has
/// verified; an outgoing one with the name and address of the node that the relay is to reach.
/// </summary>
internal sealed class RelayedTransport(NodeCluster cluster) : INodeTransport
{
    /// <summary>The relay's port, on loopback, for connections to other nodes.</summary>
    private static readonly int RelayPort = int.Parse(Environment.GetEnvironmentVariable("TWINS_RIG_RELAY")!, System.Globalization.CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public string Scheme => "http";

    /// <inheritdoc/>
    public void Accept(IConnectionBuilder endpoint, ListenerKind kind) => endpoint.Use(next => async connection =>
    {
        if (kind != ListenerKind.Node)
            return;
        using var certificate = X509CertificateLoader.LoadCertificate(await ReadCertificateAsync(connection.Transport.Input));
        var caller = new VerifiedCaller(certificate);
        connection.Features.Set<ITlsConnectionFeature>(caller);
        connection.Features.Set<ITlsApplicationProtocolFeature>(caller);
        await next(connection);
    });

    /// <inheritdoc/>
    public void Dial(SocketsHttpHandler client, string node) => client.ConnectCallback = async (_, cancellation) =>
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, RelayPort, cancellation);
            await socket.SendAsync(Encoding.ASCII.GetBytes($"{node} {cluster.Directory.Find(node)!.Address}\n"), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    };

    // Its length in four octets, most significant first, and the certificate (DER).
    private static async Task<byte[]> ReadCertificateAsync(PipeReader input)
    {
        var head = await input.ReadAtLeastAsync(sizeof(uint));
        var length = BinaryPrimitives.ReadInt32BigEndian(head.Buffer.Slice(0, sizeof(uint)).ToArray());
        input.AdvanceTo(head.Buffer.GetPosition(sizeof(uint)));
        var rest = await input.ReadAtLeastAsync(length);
        var certificate = rest.Buffer.Slice(0, length).ToArray();
        input.AdvanceTo(rest.Buffer.GetPosition(length));
        return certificate;
    }

    private sealed class VerifiedCaller(X509Certificate2 certificate) : ITlsConnectionFeature, ITlsApplicationProtocolFeature
    {
        /// <summary>What the relay has negotiated: HTTP/2 (RFC 9113, 3.2).</summary>
        public ReadOnlyMemory<byte> ApplicationProtocol { get; } = "h2"u8.ToArray();

        public X509Certificate2? ClientCertificate { get; set; } = certificate;

        public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult(ClientCertificate);
    }
}
