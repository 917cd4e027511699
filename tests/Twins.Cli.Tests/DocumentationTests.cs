using System.CommandLine;
using System.Text.RegularExpressions;

namespace Twins.Cli.Tests;

/// <summary>What README and docs name is there.</summary>
[TestClass]
public sealed partial class DocumentationTests
{
    private static readonly string Root = FindRoot(AppContext.BaseDirectory);

    [TestMethod]
    public void Pages_AreFound()
    {
        string[] pages = [.. Pages().Select(page => Path.GetRelativePath(Root, page))];

        foreach (string page in (string[])["README.md", "docs/architecture.md", "docs/cli.md", "docs/decisions/README.md"])
            CollectionAssert.Contains(pages, page);
    }

    [TestMethod]
    public void EveryRelativeLink_LeadsToAFileAndItsHeading()
    {
        var broken = new List<string>();
        foreach (string page in Pages())
        {
            foreach (Match link in Link().Matches(WithoutCodeBlocks(File.ReadAllText(page))))
            {
                string[] target = link.Groups["target"].Value.Split('#', 2);
                if (target[0].Contains("://", StringComparison.Ordinal))
                    continue;
                string file = target[0].Length == 0 ? page : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(page)!, target[0]));
                if (!Path.Exists(file) || (target.Length == 2 && !Anchors(file).Contains(target[1])))
                    broken.Add($"{Path.GetRelativePath(Root, page)}: {link.Groups["target"].Value}");
            }
        }

        Assert.IsEmpty(broken, string.Join('\n', broken));
    }

    [TestMethod]
    public void EveryPathInBackticks_IsInTheRepository()
    {
        var missing = new List<string>();
        foreach (string page in Pages())
        {
            foreach (Match path in RepositoryPath().Matches(WithoutCodeBlocks(File.ReadAllText(page))))
            {
                if (!Path.Exists(Path.Combine(Root, path.Groups["path"].Value)))
                    missing.Add($"{Path.GetRelativePath(Root, page)}: {path.Groups["path"].Value}");
            }
        }

        Assert.IsEmpty(missing, string.Join('\n', missing));
    }

    [TestMethod]
    public void CommandLinePage_HasExactlyTheCommandsThatThereAre()
    {
        string[] documented = [.. Heading().Matches(File.ReadAllText(Path.Combine(Root, "docs/cli.md")))
            .Select(heading => heading.Groups["text"].Value)
            .Where(text => text.StartsWith("`twins ", StringComparison.Ordinal))
            .Select(text => text.Trim('`'))];

        string[] actual = [.. Leaves("twins", CommandTree.Create(Environment()))];

        CollectionAssert.AreEquivalent(actual, documented);
    }

    [TestMethod]
    public void CommandLinePage_NamesEveryOptionOfEveryCommand()
    {
        string page = File.ReadAllText(Path.Combine(Root, "docs/cli.md"));
        var missing = new List<string>();
        foreach ((string name, Command command) in All("twins", CommandTree.Create(Environment())).Where(all => all.Command.Subcommands.Count == 0))
        {
            int start = page.IndexOf($"### `{name}`", StringComparison.Ordinal);
            Assert.IsGreaterThanOrEqualTo(0, start, name);
            int end = page.IndexOf("\n##", start + 1, StringComparison.Ordinal);
            string section = end < 0 ? page[start..] : page[start..end];
            missing.AddRange(command.Options.Where(option => !option.Hidden && option.Name != "--help" && !section.Contains(option.Name, StringComparison.Ordinal))
                .Select(option => $"{name} {option.Name}"));
        }

        Assert.IsEmpty(missing, string.Join('\n', missing));
    }

    private static IEnumerable<string> Leaves(string name, Command command) =>
        All(name, command).Where(all => all.Command.Subcommands.Count == 0).Select(all => all.Name);

    private static IEnumerable<(string Name, Command Command)> All(string name, Command command) =>
        command.Subcommands.Where(child => !child.Hidden)
            .SelectMany(child => All($"{name} {child.Name}", child)).Prepend((name, command));

    private static CliEnvironment Environment() => new()
    {
        Out = TextWriter.Null,
        Error = TextWriter.Null,
        In = TextReader.Null,
        OutBytes = Stream.Null,
        ErrorBytes = Stream.Null,
        Installation = new Installation(Root, AppContext.BaseDirectory),
        SocketPath = "",
        LabDirectory = "",
    };

    private static IEnumerable<string> Pages() => Directory.EnumerateFiles(Root, "*.md")
        .Concat(Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories)).Order(StringComparer.Ordinal);

    private static string WithoutCodeBlocks(string text) => CodeBlock().Replace(text, "");

    /// <summary>The anchors that forges make of headings: lower case, blanks to dashes, punctuation left out.</summary>
    private static HashSet<string> Anchors(string file) => [.. Heading().Matches(WithoutCodeBlocks(File.ReadAllText(file)))
        .Select(heading => NotInAnchor().Replace(heading.Groups["text"].Value.ToLowerInvariant(), "").Replace(' ', '-'))];

    private static string FindRoot(string start)
    {
        string? directory = start;
        while (directory is not null && !File.Exists(Path.Combine(directory, "Twins.sln")))
            directory = Path.GetDirectoryName(directory);
        return directory ?? throw new InvalidOperationException($"{start} is not in the repository.");
    }

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)|(?:src|href)=""(?<target>[^""]+)""")]
    private static partial Regex Link();

    [GeneratedRegex(@"`(?:\./)?(?<path>(?:src|docs|scripts|tests|bench)/[^`\s*]*|[A-Za-z.]+\.(?:md|props|json|sln|sh))`")]
    private static partial Regex RepositoryPath();

    [GeneratedRegex(@"^#+ (?<text>.+?)\s*$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"[^\p{L}\p{N} _-]")]
    private static partial Regex NotInAnchor();
}
