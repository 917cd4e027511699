using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Twins.Manager.Access.Sessions;

/// <summary>Calls that come from the admin page's program: it has the rights of the session that it names, and none without.</summary>
internal sealed class PageCallers(PageSessions sessions)
{
    /// <summary>Header with a session's secret.</summary>
    public const string SessionHeader = "twins-session";

    private volatile PageIdentity? _page;

    /// <summary>The page's program; null: none has been started.</summary>
    public PageIdentity? Page
    {
        get => _page;
        set => _page = value;
    }

    /// <summary>The caller with the rights that it has for this call.</summary>
    /// <exception cref="RpcException">UNAUTHENTICATED: the session that it names has ended.</exception>
    public LocalCaller Judge(LocalCaller caller, HttpRequest request)
    {
        if (Page?.IsOf(caller) != true)
            return caller;
        var page = caller with { Name = "The admin page", IsPage = true, MayRead = false, MayChange = false };
        if (request.Headers[SessionHeader].ToString() is not { Length: > 0 } token)
            return page;
        var session = sessions.Find(token) ?? throw new RpcException(
            new Status(StatusCode.Unauthenticated, "This login has ended. Run 'twins admin' for another one."));
        return page with { Name = session.User, MayRead = true, MayChange = session.IsAdmin, Session = session };
    }
}
