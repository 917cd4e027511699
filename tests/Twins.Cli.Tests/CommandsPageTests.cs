using System.CommandLine;
using System.CommandLine.Completions;
using System.Text;
using System.Text.RegularExpressions;
using Twins.Tests;

namespace Twins.Cli.Tests;

/// <summary>docs/commands.md, which is twins(1), too: of each command it has usage, meaning and options as the code has them, before what is written by hand.</summary>
[TestClass]
public sealed partial class CommandsPageTests
{
    private const string FromCode = "<!-- from the code: scripts/write-docs.sh -->\n";
    private const string ByHand = "<!-- by hand -->\n";

    [TestMethod]
    public void Page_HasTheCommandsAndOptionsThatThereAre() => GeneratedPage.Check("commands.md", page =>
    {
        var commands = Leaves("twins", CommandTree.Create(DocumentationTests.Environment())).ToList();
        // One that isn't there any more goes with all that was said of it, a new one comes last: move it to where it belongs.
        page = Section().Replace(page, section => commands.SingleOrDefault(command => command.Name == section.Groups["name"].Value) is { Command: { } command } known
            ? $"### `{known.Name}`\n\n{Frame(known.Name, command)}{section.Groups["rest"].Value}" : "");
        return page + string.Concat(commands.Where(command => !page.Contains($"### `{command.Name}`\n", StringComparison.Ordinal))
            .Select(command => $"\n### `{command.Name}`\n\n{Frame(command.Name, command.Command)}"));
    });

    private static IEnumerable<(string Name, Command Command)> Leaves(string name, Command command) => command.Subcommands.Count == 0 ? [(name, command)]
        : command.Subcommands.Where(child => !child.Hidden).SelectMany(child => Leaves($"{name} {child.Name}", child));

    private static string Frame(string name, Command command)
    {
        var options = command.Options.Where(option => !option.Hidden && option.Name != "--help").ToList();
        // Behind "--", to the end.
        var program = command.Arguments.SingleOrDefault(argument => argument.Arity.MaximumNumberOfValues > 1);
        var usage = command.Arguments.Where(argument => argument != program)
            .Select(argument => argument.Arity.MinimumNumberOfValues == 0 || argument.HasDefaultValue ? $"[{argument.HelpName}]" : argument.HelpName!)
            .Concat(options.Select(option => option.Required ? Form(option) : $"[{Form(option)}]"))
            .Concat(program is null ? [] : ["--", program.HelpName!]);

        var frame = new StringBuilder(FromCode).Append($"\n`{string.Join(' ', usage.Prepend(name))}`\n\n{Sentence(command.Description)}\n");
        var rows = command.Arguments.Select(argument => (Form: argument.HelpName!, argument.Description, Default: ""))
            .Concat(options.Select(option => (Form(option), option.Description, DefaultOf(option)))).ToList();
        if (rows.Count > 0)
            frame.Append('\n');
        foreach (var (form, description, standard) in rows)
            frame.Append($"- `{form}`: {Sentence(description)}{(standard.Length > 0 ? $" Default: `{standard}`." : "")}\n");
        return frame.Append('\n').Append(ByHand).ToString();
    }

    private static string Form(Option option) => option.ValueType == typeof(bool) ? option.Name
        : $"{option.Name} {option.HelpName ?? string.Join('|', option.GetCompletions(CompletionContext.Empty).Select(completion => completion.Label))}";

    private static string DefaultOf(Option option) => option.ValueType != typeof(bool) && option.HasDefaultValue ? $"{option.GetDefaultValue()}" : "";

    private static string Sentence(string? text) => text is not { Length: > 0 } ? throw new InvalidOperationException("Something has no description.") : text.TrimEnd('.') + ".";

    /// <summary>A command's section: its name, and what is written by hand, up to the next heading.</summary>
    [GeneratedRegex(@"^### `(?<name>twins[^`]*)`\n(?:(?:(?!^#).*\n)*?<!-- by hand -->\n)?(?<rest>(?:(?!^#).*\n)*)", RegexOptions.Multiline)]
    private static partial Regex Section();
}
