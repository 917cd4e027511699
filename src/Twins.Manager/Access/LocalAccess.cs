using Microsoft.AspNetCore.Http;
using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;

namespace Twins.Manager.Access;

/// <summary>Who may call what on the Unix socket.</summary>
/// <param name="readers">Name of the group that may read.</param>
/// <param name="refusals">Told of each caller that was refused.</param>
internal sealed class LocalAccess(string readers, RefusalLog refusals)
{
    public const string DefaultReaders = "twins";

    /// <exception cref="RpcException">PERMISSION_DENIED with a sentence for the user.</exception>
    public void Check(HttpContext context, string method)
    {
        var caller = context.Features.Get<IConnectionSocketFeature>() is { } connection ? PeerCredentials.Read(connection.Socket) : null;
        if (IsAllowed(caller, method))
            return;
        refusals.Tell(RefusalKind.LocalCall, $"User {caller?.Uid}", $"{method} (process {caller?.Pid})");
        throw new RpcException(new Status(StatusCode.PermissionDenied, Sentence(method)));
    }

    /// <summary>The whole policy.</summary>
    public bool IsAllowed(PeerCredentials? caller, string method)
    {
        if (caller is null || !MethodTable.Levels.TryGetValue(method, out var level))
            return false;
        return caller.Uid == 0 || (level == AccessLevel.Read && GroupDatabase.Find(readers) is { } group && caller.IsIn(group));
    }

    private string Sentence(string method) => MethodTable.Levels.GetValueOrDefault(method, AccessLevel.Change) == AccessLevel.Read
        ? $"Only root and members of the group {readers} may see this: run it with sudo, or have root run 'usermod -aG {readers} USER' and log in again."
        : "Only root may change things: run it with sudo.";
}
