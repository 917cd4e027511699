using System.CommandLine;
using System.Globalization;
using Twins.Cli.Output;
using Twins.Protocol;

namespace Twins.Cli.Commands;

/// <summary><c>twins admin</c>: a login to the admin page.</summary>
internal static class AdminCommand
{
    private static readonly Option<bool> NoBrowser = new("--no-browser") { Description = "Only print it: on Windows a browser is opened with it otherwise" };

    public static Command Create(CliEnvironment environment)
    {
        Command command = new Command("admin",
            "Print the address of this node's admin page with a login of your rights: good once, for a minute") { NoBrowser }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            var page = new PageApi.PageApiClient(environment.OpenChannel(environment.SocketPath));
            OpenPageReply login = await page.OpenPageAsync(new OpenPageRequest(), cancellationToken: cancellation);
            if (result.WantsJson())
            {
                string expires = DateTimeOffset.FromUnixTimeMilliseconds(login.ExpiresUnixMilliseconds).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
                environment.Out.WriteJson(new AdminLoginDocument(login.Url, login.Role, expires), JsonDocuments.Readable.AdminLoginDocument);
                return ExitCode.Done;
            }

            environment.Error.WriteLine($"twins: open this in a browser on this machine within a minute; it is good once, as {login.Role}");
            environment.Out.WriteLine(login.Url);
            if (!result.GetValue(NoBrowser) && environment.OpenBrowser?.Invoke(login.Url) == false)
                environment.Error.WriteLine("twins: no browser could be opened with it; do that by hand");
            return ExitCode.Done;
        });
    }
}
