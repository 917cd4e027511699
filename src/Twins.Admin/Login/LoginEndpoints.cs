using Grpc.Core;
using Twins.Admin.Node;
using Twins.Protocol;

namespace Twins.Admin.Login;

/// <summary>Where a one-time login becomes a session, and where the cookie goes again.</summary>
internal static class LoginEndpoints
{
    private const int MostCodeCharacters = 100;

    public static void MapLogin(this WebApplication app)
    {
        app.MapGet("/login", LoginAsync).AllowAnonymous();
        // The session has been ended by the page itself; without a cookie its secret is nowhere.
        app.MapGet("/logged-out", (HttpContext context) =>
        {
            context.Response.Cookies.Delete(SessionAuthentication.Cookie, CookieOf());
            return LoginPage.WriteAsync(context, "You are logged out.");
        }).AllowAnonymous();
    }

    private static async Task LoginAsync(HttpContext context, TwinsdConnection twinsd)
    {
        // A site that leads its visitors here would have them work under a login that it has chosen.
        if (context.Request.Headers["Sec-Fetch-Site"].ToString() is not ("" or "none" or "same-origin"))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            await LoginPage.WriteAsync(context, "Another site led here. Put the address into the browser yourself.");
            return;
        }

        var code = context.Request.Query["code"].ToString();
        try
        {
            if (code.Length is 0 or > MostCodeCharacters)
                throw new RpcException(new Grpc.Core.Status(StatusCode.Unauthenticated, "This is no login."));
            var login = await twinsd.Page().LoginAsync(new LoginRequest { Code = code }, deadline: DateTime.UtcNow + TwinsdConnection.CallTime, cancellationToken: context.RequestAborted);
            context.Response.Cookies.Append(SessionAuthentication.Cookie, login.Session, CookieOf());
            context.Response.Redirect("/");
        }
        catch (RpcException e)
        {
            context.Response.StatusCode = e.StatusCode == StatusCode.Unauthenticated ? StatusCodes.Status401Unauthorized : StatusCodes.Status503ServiceUnavailable;
            await LoginPage.WriteAsync(context, e.StatusCode == StatusCode.Unauthenticated ? e.Status.Detail : "twinsd doesn't answer. Try again in a moment.");
        }
    }

    // Until the browser closes; twinsd knows when the session ends. Plain HTTP, as it never leaves this machine.
    private static CookieOptions CookieOf() => new() { HttpOnly = true, SameSite = SameSiteMode.Strict, Path = "/", IsEssential = true };
}
