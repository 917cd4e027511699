using System.CommandLine;
using System.Globalization;
using Twins.Cli.Capturing;
using Twins.Packets;

namespace Twins.Cli.Commands;

/// <summary><c>twins capture</c>: packets with whose they are and what twins do with them.</summary>
internal static class CaptureCommand
{
    private static readonly Argument<string?> Process = new("process")
    {
        HelpName = "NAME|PID",
        Arity = ArgumentArity.ZeroOrOne,
        Description = "Only packets of this mobile process",
    };

    private static readonly Option<string?> Node = new("--node")
    { HelpName = "NODE", Description = "What the twins of another node handle, instead of this node's interfaces and twins" };

    private static readonly Option<string?> Interface = new("--interface") { HelpName = "I", Description = "Only this interface (all, unless given)" };

    private static readonly Option<string?> Filter = new("--filter") { HelpName = "BPF", Description = "Only packets of this filter (pcap-filter(7))" };

    private static readonly Option<long?> Count = new("--count") { HelpName = "N", Description = "End after so many packets" };

    private static readonly Option<string?> Duration = new("--duration") { HelpName = "T", Description = "End after this time: 10, 10s, 5m, 1h" };

    private static readonly Option<string?> Write = new("-w")
    { HelpName = "FILE", Description = "Write a pcapng file instead of lines, with the labels as comments; - is standard output" };

    private static readonly Option<string?> Read = new("-r") { HelpName = "FILE", Description = "Read a pcapng or pcap file instead of capturing" };

    private static readonly Option<string?> Follow = new("--follow")
    { HelpName = "CONNECTION", Description = "Only this connection: ADDRESS:PORT of an end, or of both with a comma between" };

    private static readonly Option<bool> Payload = new("--payload") { Description = "Show and store the data, not only headers" };

    public static Command Create(CliEnvironment environment)
    {
        Command command = new Command("capture",
            "Show packets with whose they are, what twins do with them, and TCP trouble; ends with a summary by connection")
        { Process, Node, Interface, Filter, Count, Duration, Write, Read, Follow, Payload }.WithJson();
        return command.Handle(environment, async (result, cancellation) =>
        {
            using var run = new CaptureRun(environment, Request(result));
            return await run.RunAsync(cancellation);
        });
    }

    private static CaptureRequest Request(ParseResult result)
    {
        var request = new CaptureRequest
        {
            Process = result.GetValue(Process) ?? "",
            Node = result.GetValue(Node) ?? "",
            Interface = result.GetValue(Interface) ?? "",
            Filter = result.GetValue(Filter) ?? "",
            Count = result.GetValue(Count),
            Duration = result.GetValue(Duration) is { } time ? ParseTime(time) : null,
            WritePath = result.GetValue(Write) ?? "",
            ReadPath = result.GetValue(Read) ?? "",
            Follow = [.. (result.GetValue(Follow) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(ParseEnd)],
            Payload = result.GetValue(Payload),
            Json = result.WantsJson(),
        };
        if (request.Count is <= 0)
            throw Wrong("--count takes a number of packets, 1 or more");
        if (request.Follow.Count > 2)
            throw Wrong("a connection has two ends: --follow 10.77.0.1:40000,10.77.0.2:6379");
        if (request.ReadPath.Length > 0 && (request.Node.Length > 0 || request.Interface.Length > 0 || request.Duration is not null))
            throw Wrong("-r reads a file: --node, --interface and --duration are for capturing");
        if (request.Node.Length > 0 && request.Interface.Length > 0)
            throw Wrong("--interface is one of this node's: with --node, what that node's twins handle is shown");
        if (request.WritePath == "-" && request.Json)
            throw Wrong("standard output takes either the file (-w -) or the document (--json)");
        if (request.WritePath.Length > 0 && request.ReadPath.Length > 0 && Path.GetFullPath(request.WritePath) == Path.GetFullPath(request.ReadPath))
            throw Wrong("-w would overwrite the file that -r reads");
        return request;
    }

    private static Endpoint ParseEnd(string text) => Endpoint.TryParse(text, out Endpoint end) ? end
        : throw Wrong($"'{text}' is no end of a connection; write ADDRESS:PORT, for example 10.77.0.1:40000 or [fd77::1]:40000");

    private static TimeSpan ParseTime(string text)
    {
        int unit = text.Length > 0 ? text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => 0 } : 0;
        string number = unit == 0 ? text : text[..^1];
        return double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value) && value * Math.Max(unit, 1) is > 0 and <= 31 * 86_400
            ? TimeSpan.FromSeconds(value * Math.Max(unit, 1))
            : throw Wrong($"'{text}' is no time; write seconds, or 10s, 5m, 1h, 31 days at most");
    }

    private static CliException Wrong(string message) => new(ExitCode.Usage, "invalid-argument", message);
}
