using System.CommandLine;

namespace Twins.Cli.Commands;

/// <summary>NAME|PID, as most commands take it.</summary>
internal static class ProcessArgument
{
    public static Argument<string> Create() => new("process")
    {
        HelpName = "NAME|PID",
        Description = "Name or PID of a mobile process (twins ls shows them)",
    };
}
