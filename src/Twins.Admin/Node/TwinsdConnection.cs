using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Twins.Cli.Client;
using Twins.Protocol;

namespace Twins.Admin.Node;

/// <summary>The connection to this node's <c>twinsd</c>, shared by all visitors. Every call has the rights of the session that it names.</summary>
internal sealed class TwinsdConnection(PageOptions options) : IDisposable
{
    /// <summary>How long a call may take that only asks.</summary>
    public static readonly TimeSpan CallTime = TimeSpan.FromSeconds(15);

    // The header is named in page.proto.
    private const string SessionHeader = "twins-session";

    private readonly GrpcChannel _channel = LocalChannel.Open(options.Socket);

    /// <summary>What the page has of its own.</summary>
    /// <param name="token">The session's secret; empty: this program for itself.</param>
    public PageApi.PageApiClient Page(string token = "") => new(With(token));

    /// <summary>What the CLI has too.</summary>
    public LocalApi.LocalApiClient Local(string token) => new(With(token));

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

    private CallInvoker With(string token) => _channel.Intercept(headers =>
    {
        if (token.Length > 0)
            headers.Add(SessionHeader, token);
        return headers;
    });
}
