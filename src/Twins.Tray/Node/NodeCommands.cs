using Grpc.Net.Client;
using Twins.Protocol;

namespace Twins.Tray.Node;

/// <summary>What the menu asks <c>twinsd</c> for, each with a deadline. <c>twinsd</c> decides what this user may do.</summary>
/// <param name="open">Opens a channel to it.</param>
internal sealed class NodeCommands(Func<GrpcChannel> open)
{
    // It may have to start the page's program first, for which it has a minute.
    private static readonly TimeSpan PageTime = TimeSpan.FromSeconds(70);
    private static readonly TimeSpan PauseTime = TimeSpan.FromSeconds(30);

    /// <summary>A login of this user's to the admin page, as <c>twins admin</c> gets it: good once, for a minute.</summary>
    /// <exception cref="Grpc.Core.RpcException">Refused, or not reached.</exception>
    /// <exception cref="InvalidDataException">What came is no address of a page on this machine.</exception>
    public async Task<Uri> OpenPageAsync()
    {
        using var channel = open();
        var reply = await new PageApi.PageApiClient(channel).OpenPageAsync(new OpenPageRequest(), deadline: DateTime.UtcNow + PageTime);
        // It is handed to the system, which would start programs for other addresses.
        return Uri.TryCreate(reply.Url, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.IsLoopback
            ? url : throw new InvalidDataException("twinsd has given no address of a page on this machine.");
    }

    /// <summary>Has the node hold what peers send to all processes that it redirects.</summary>
    /// <returns>Those that are paused.</returns>
    /// <exception cref="Grpc.Core.RpcException">Refused, or not reached.</exception>
    public async Task<IReadOnlyList<ProcessInfo>> PauseAsync()
    {
        using var channel = open();
        return (await new LocalApi.LocalApiClient(channel).PauseRedirectingAsync(new PauseRedirectingRequest(), deadline: DateTime.UtcNow + PauseTime)).Processes;
    }

    /// <summary>Ends it.</summary>
    /// <returns>Those that were paused.</returns>
    /// <exception cref="Grpc.Core.RpcException">Refused, or not reached.</exception>
    public async Task<IReadOnlyList<ProcessInfo>> ResumeAsync()
    {
        using var channel = open();
        return (await new LocalApi.LocalApiClient(channel).ResumeRedirectingAsync(new ResumeRedirectingRequest(), deadline: DateTime.UtcNow + PauseTime)).Processes;
    }
}
