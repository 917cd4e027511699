namespace Twins.Manager.Access.Sessions;

/// <summary>Somebody who is logged in to the admin page.</summary>
/// <param name="TokenHash">SHA-256 of the secret that the browser has, in hexadecimal.</param>
/// <param name="User">As the system names who asked for the login.</param>
/// <param name="IsAdmin">May change things; otherwise read.</param>
/// <param name="Expires">When it ends by itself.</param>
internal sealed record PageSession(string TokenHash, string User, bool IsAdmin, DateTimeOffset Expires)
{
    /// <summary>Role, in the words of page.proto.</summary>
    public static string RoleName(bool isAdmin) => isAdmin ? "admin" : "reader";
}
