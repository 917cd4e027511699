using Microsoft.AspNetCore.Components.Authorization;
using Twins.Admin.Login;
using Twins.Protocol;

namespace Twins.Admin.Node;

/// <summary>The visitor of one open page: who it is, and calls to <c>twinsd</c> with these rights. Hiding a button is courtesy; <c>twinsd</c> decides.</summary>
internal sealed class NodeSession(AuthenticationStateProvider authentication, TwinsdConnection twinsd)
{
    /// <summary>The user's name.</summary>
    public string User { get; private set; } = "";

    /// <summary>Whether the role is admin.</summary>
    public bool IsAdmin { get; private set; }

    /// <summary>Name of this node.</summary>
    public string NodeName { get; private set; } = "";

    /// <summary>The session's secret, for calls that outlive the page.</summary>
    public string Token { get; private set; } = "";

    public PageApi.PageApiClient Page => twinsd.Page(Token);

    public LocalApi.LocalApiClient Local => twinsd.Local(Token);

    /// <summary>To be awaited before anything else.</summary>
    public async Task BeginAsync()
    {
        var visitor = (await authentication.GetAuthenticationStateAsync()).User;
        Token = visitor.FindFirst(SessionAuthentication.TokenClaim)?.Value ?? "";
        User = visitor.Identity?.Name ?? "";
        IsAdmin = visitor.IsInRole("admin");
        NodeName = visitor.FindFirst(SessionAuthentication.NodeClaim)?.Value ?? "";
    }
}
