using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Twins.Manager.Access;

/// <summary>Who may call what of the local API.</summary>
/// <param name="refusals">Told of each caller that was refused.</param>
internal abstract class LocalAccess(RefusalLog refusals)
{
    /// <exception cref="RpcException">PERMISSION_DENIED with a sentence for the user.</exception>
    public void Check(HttpContext context, string method)
    {
        var caller = Find(context.Features);
        if (caller is not null && MethodTable.Levels.TryGetValue(method, out var level) && (caller.MayChange || (level == AccessLevel.Read && caller.MayRead)))
            return;
        refusals.Tell(RefusalKind.LocalCall, caller?.Name ?? "Somebody", $"{method} (process {caller?.Pid})");
        throw new RpcException(new Status(StatusCode.PermissionDenied, Sentence(MethodTable.Levels.GetValueOrDefault(method, AccessLevel.Change))));
    }

    /// <summary>Null: the system doesn't tell, so the caller is nobody.</summary>
    protected abstract LocalCaller? Find(IFeatureCollection connection);

    /// <summary>Who may, and how one becomes that.</summary>
    protected abstract string Sentence(AccessLevel level);
}
