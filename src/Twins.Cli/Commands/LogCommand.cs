using System.CommandLine;
using System.Globalization;
using Twins.Protocol;

namespace Twins.Cli.Commands;

/// <summary><c>twins log</c>: the last lines of <c>twinsd</c>'s log.</summary>
internal static class LogCommand
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public static Command Create(CliEnvironment environment)
    {
        var follow = new Option<bool>("--follow") { Description = "Go on with what is logged from now on, until Ctrl-C" };
        Command command = new Command("log", "Print the last lines of this node's twinsd's log, since it started") { follow };
        return command.Handle(environment, async (result, cancellation) =>
        {
            var page = new PageApi.PageApiClient(environment.OpenChannel(environment.SocketPath));
            ulong last = 0;
            while (true)
            {
                ReadLogReply reply = await page.ReadLogAsync(new ReadLogRequest { After = last }, cancellationToken: cancellation);
                foreach (LogLine line in reply.Lines)
                {
                    environment.Out.WriteLine($"{Time(line)} {line.Level} {line.Category}[{line.Event}] {line.Text}");
                    last = line.Number;
                }

                if (!result.GetValue(follow) || environment.IsOutClosed())
                    return ExitCode.Done;
                await Task.Delay(Pause, environment.Time, cancellation);
            }
        });
    }

    private static string Time(LogLine line) =>
        DateTimeOffset.FromUnixTimeMilliseconds(line.UnixMilliseconds).ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
}
