using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Twins.Manager.Access.Sessions;

/// <summary>Calls that come from the admin page's program: it has the rights of the session that it names, and none without.</summary>
internal sealed class PageCallers(PageSessions sessions)
{
    /// <summary>Header with a session's secret.</summary>
    public const string SessionHeader = "twins-session";

    // Plus one, so that 0 is nobody.
    private long _user;

    /// <summary>User ID that the page's program runs as; null: none has been started.</summary>
    public uint? User
    {
        get => Interlocked.Read(ref _user) is var user and > 0 ? (uint)(user - 1) : null;
        set => Interlocked.Exchange(ref _user, value is { } user ? user + 1L : 0);
    }

    /// <summary>The caller with the rights that it has for this call.</summary>
    /// <exception cref="RpcException">UNAUTHENTICATED: the session that it names has ended.</exception>
    public LocalCaller Judge(LocalCaller caller, HttpRequest request)
    {
        if (caller.User is null || caller.User != User)
            return caller;
        var page = caller with { Name = "The admin page", IsPage = true, MayRead = false, MayChange = false };
        if (request.Headers[SessionHeader].ToString() is not { Length: > 0 } token)
            return page;
        var session = sessions.Find(token) ?? throw new RpcException(
            new Status(StatusCode.Unauthenticated, "This login has ended. Run 'twins admin' for another one."));
        return page with { Name = session.User, MayRead = true, MayChange = session.IsAdmin, Session = session };
    }
}
