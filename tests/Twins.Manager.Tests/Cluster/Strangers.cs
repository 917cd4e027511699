using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Twins.Manager.Cluster;
using Twins.Protocol;

namespace Twins.Manager.Tests.Cluster;

/// <summary>Callers of a node that do as they like.</summary>
internal static class Strangers
{
    private const string Once = " (not logged again within an hour)";

    /// <summary>A certificate of an authority, for any name.</summary>
    public static X509Certificate2 Certificate(ClusterAuthority authority, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = authority.Issue(name, new PublicKey(key), TimeProvider.System);
        return issued.CopyWithPrivateKey(key);
    }

    /// <summary>A channel that trusts everybody.</summary>
    public static GrpcChannel Channel(string address, X509Certificate2? certificate) => GrpcChannel.ForAddress(
        $"https://{address}", new GrpcChannelOptions { HttpHandler = Handler(certificate), DisposeHttpClient = true, MaxSendMessageSize = null });

    /// <summary>Calls a method with these octets as the request's body, and gives the status that gRPC answers.</summary>
    public static async Task<StatusCode> PostAsync(string address, X509Certificate2? certificate, string path, byte[] body)
    {
        using var client = new HttpClient(Handler(certificate));
        using var request = new HttpRequestMessage(HttpMethod.Post, $"https://{address}{path}")
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        using var response = await client.SendAsync(request);
        await response.Content.ReadAsByteArrayAsync();
        var status = (response.Headers.TryGetValues("grpc-status", out var early) ? early : response.TrailingHeaders.GetValues("grpc-status")).Single();
        return (StatusCode)int.Parse(status, System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Writes octets to a port and waits for the node to hang up.</summary>
    public static async Task SendAsync(int port, byte[] octets, string from = "127.0.0.1")
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        await socket.ConnectAsync(IPAddress.Loopback, port);
        try
        {
            await using var stream = new NetworkStream(socket);
            await socket.SendAsync(octets);
            socket.Shutdown(SocketShutdown.Send);
            await ReadToEndAsync(stream);
        }
        catch (SocketException)
        {
            // It hung up before all was sent.
        }
    }

    /// <summary>Makes a TLS session, writes octets and waits for the node to hang up.</summary>
    public static async Task SendInTlsAsync(int port, X509Certificate2? certificate, byte[] octets)
    {
        using var client = new TcpClient("127.0.0.1", port);
        await using var tls = new SslStream(client.GetStream(), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "home", ApplicationProtocols = [SslApplicationProtocol.Http2],
            ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
        });
        await tls.WriteAsync(octets);
        await ReadToEndAsync(tls);
    }

    public static async Task AssertRefusedAsync(TestNode node, X509Certificate2? certificate)
    {
        using var channel = Channel(node.Address, certificate);
        var thrown = await Assert.ThrowsExactlyAsync<RpcException>(async () => await new NodeApi.NodeApiClient(channel).DescribeAsync(new DescribeRequest()));
        Assert.IsTrue(thrown.StatusCode is StatusCode.Unavailable or StatusCode.Internal, thrown.ToString());
    }

    /// <summary>What was refused so far is told in this one line, and nothing else is told.</summary>
    /// <param name="node">The node.</param>
    /// <param name="line">The line, but for its end.</param>
    public static async Task AssertToldOnceAsync(TestNode node, string line)
    {
        await JoinTests.Until(() => node.Log.Refusals.Length > 0);
        // Another sender's line comes after all that was before it.
        await SendAsync(node.Options.ApiPort, [0], from: "127.0.0.2");
        await JoinTests.Until(() => node.Log.Refusals.Any(told => told.StartsWith("127.0.0.2 ", StringComparison.Ordinal)));
        Assert.AreEqual(line + Once, string.Join('\n', node.Log.Refusals.Where(told => !told.StartsWith("127.0.0.2 ", StringComparison.Ordinal))));
        Assert.AreEqual("", string.Join('\n', node.Log.OtherWarnings));
    }

    private static SocketsHttpHandler Handler(X509Certificate2? certificate) => new()
    {
        SslOptions = new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
            ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
        },
    };

    private static async Task ReadToEndAsync(Stream stream)
    {
        try
        {
            await stream.CopyToAsync(Stream.Null, new CancellationTokenSource(TimeSpan.FromSeconds(20)).Token);
        }
        catch (IOException)
        {
            // It hung up in its way.
        }
    }
}
