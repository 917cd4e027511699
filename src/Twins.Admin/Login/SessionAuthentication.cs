using System.Security.Claims;
using System.Text.Encodings.Web;
using Grpc.Core;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using Twins.Admin.Node;
using Twins.Protocol;

namespace Twins.Admin.Login;

/// <summary>Knows a visitor by the session's secret in the cookie; <c>twinsd</c> is asked each time whether it is still one.</summary>
internal sealed class SessionAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, TwinsdConnection twinsd)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    /// <summary>Its name.</summary>
    public const string SchemeName = "Twins";

    /// <summary>Of the cookie.</summary>
    public const string Cookie = "twins-session";

    /// <summary>Claim with the session's secret. It stays in this program.</summary>
    public const string TokenClaim = "twins-session";

    /// <summary>Claim with the node's name.</summary>
    public const string NodeClaim = "twins-node";

    /// <inheritdoc/>
    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Request.Cookies[Cookie] is not { Length: > 0 and < 200 } token)
            return AuthenticateResult.NoResult();
        try
        {
            var session = await twinsd.Page(token).ReadSessionAsync(new ReadSessionRequest(), deadline: DateTime.UtcNow + TwinsdConnection.CallTime, cancellationToken: Context.RequestAborted);
            var identity = new ClaimsIdentity(
                [new(ClaimTypes.Name, session.User), new(ClaimTypes.Role, session.Role), new(TokenClaim, token), new(NodeClaim, session.Node)], SchemeName);
            return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
        }
        catch (RpcException e)
        {
            return AuthenticateResult.Fail(e.Status.Detail);
        }
    }

    /// <inheritdoc/>
    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.StatusCode = StatusCodes.Status401Unauthorized;
        return LoginPage.WriteAsync(Context, "You aren't logged in.");
    }
}
