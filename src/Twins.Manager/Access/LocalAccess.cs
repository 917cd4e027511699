using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Twins.Manager.Access.Sessions;
using Twins.Manager.Audit;

namespace Twins.Manager.Access;

/// <summary>Who may call what of the local API.</summary>
/// <param name="refusals">Told of each caller that was refused.</param>
/// <param name="page">Calls for those who are logged in to the admin page.</param>
/// <param name="audit">Has what was refused of what changes something.</param>
internal abstract class LocalAccess(RefusalLog refusals, PageCallers page, AuditLog audit)
{
    /// <summary>Lets the call pass, which has its <see cref="LocalCaller"/> among the features from then on.</summary>
    /// <exception cref="RpcException">PERMISSION_DENIED, or UNAUTHENTICATED for a login that has ended, with a sentence for the user.</exception>
    public void Check(HttpContext context, string method)
    {
        var caller = Find(context.Features) is { } found ? page.Judge(found, context.Request) : null;
        var known = MethodTable.Levels.TryGetValue(method, out var level);
        var isOffered = caller is { IsPage: false } || MethodTable.OfferedOnThePage.Contains(method);
        if (caller is not null && known && isOffered && (caller.MayChange || (level == AccessLevel.Read && caller.MayRead) || (level == AccessLevel.Page && caller.IsPage)))
        {
            context.Features.Set(caller);
            return;
        }

        var first = refusals.Tell(RefusalKind.LocalCall, caller?.Name ?? "Somebody", $"{method} (process {caller?.Pid})", caller is { IsPage: true } ? method : "");
        if (first && level == AccessLevel.Change)
            audit.Add(caller, method, "", "refused", "");
        throw new RpcException(new Status(StatusCode.PermissionDenied, !isOffered && caller is not null ? "This isn't done on the admin page: use the command line."
            : caller is { Session.IsAdmin: false } ? ReaderSentence
            : Sentence(known ? level : AccessLevel.Change)));
    }

    /// <summary>Null: the system doesn't tell, so the caller is nobody.</summary>
    protected abstract LocalCaller? Find(IFeatureCollection connection);

    /// <summary>The name of the caller's user, for people.</summary>
    public abstract string NameOf(LocalCaller caller);

    /// <summary>Whose logins to the admin page may change things.</summary>
    protected abstract string ReaderSentence { get; }

    /// <summary>Who may, and how one becomes that.</summary>
    protected abstract string Sentence(AccessLevel level);
}
