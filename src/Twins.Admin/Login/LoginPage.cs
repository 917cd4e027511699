using System.Text.Encodings.Web;

namespace Twins.Admin.Login;

/// <summary>What a visitor without a session sees: how to log in.</summary>
internal static class LoginPage
{
    private const string OnLinux = """
        <p><code>sudo twins admin</code> to see and change things, or</p>
        <p><code>twins admin</code>, as a member of the group <code>twins</code>, to see them.</p>
        """;

    private const string OnWindows = """
        <p><code>twins admin</code>, elevated (Run as administrator), to see and change things, or</p>
        <p><code>twins admin</code>, as a member of <code>Twins Operators</code>, to see them.</p>
        """;

    /// <summary>Answers with it.</summary>
    /// <param name="context">Its status is set by the caller.</param>
    /// <param name="why">A sentence.</param>
    public static Task WriteAsync(HttpContext context, string why)
    {
        context.Response.ContentType = "text/html; charset=utf-8";
        return context.Response.WriteAsync(
            $$"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Twins: log in</title>
            <link rel="icon" href="/icon.svg" type="image/svg+xml">
            <style>
            :root { color-scheme: light dark; }
            body { font: 1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1rem; }
            code { background: #8883; padding: .1rem .4rem; border-radius: .3rem; }
            </style>
            </head>
            <body>
            <main>
            <h1>Twins</h1>
            <p>{{HtmlEncoder.Default.Encode(why)}}</p>
            <p>To log in, run this on the node, and open the address that it prints:</p>
            {{(OperatingSystem.IsWindows() ? OnWindows : OnLinux)}}
            <p>The address is good once, for a minute.</p>
            </main>
            </body>
            </html>
            """);
    }
}
