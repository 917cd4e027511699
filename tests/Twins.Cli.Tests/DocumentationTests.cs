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

        foreach (string page in (string[])["README.md", "docs/architecture.md", "docs/commands.md", "docs/decisions/README.md"])
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
    public void OperationsPage_HasTheMetricsThatThereAre()
    {
        string[] meters = [.. MeterName().Matches(File.ReadAllText(Path.Combine(Root, "src/Twins.Admin/Metrics/NodeMeter.cs")))
            .Select(name => name.Groups["name"].Value.Replace('.', '_'))];
        string[] documented = [.. MetricName().Matches(File.ReadAllText(Path.Combine(Root, "docs/operations.md"))).Select(name => name.Value).Distinct()];

        // What the exporter puts behind them is the unit and, for what only grows, _total.
        Assert.IsNotEmpty(meters);
        CollectionAssert.AreEquivalent(meters, documented.Select(name => MetricSuffix().Replace(name, "")).Distinct().ToArray());
    }

    [TestMethod]
    public void OperationsPage_ExplainsEachAlert()
    {
        string[] alerts = [.. Alert().Matches(File.ReadAllText(Path.Combine(Root, "docs/prometheus-alerts.yml"))).Select(alert => alert.Groups["name"].Value)];
        string[] explained = [.. Heading().Matches(File.ReadAllText(Path.Combine(Root, "docs/operations.md")))
            .Select(heading => heading.Groups["text"].Value.Trim('`')).Where(text => text.StartsWith("Twins", StringComparison.Ordinal))];

        Assert.IsNotEmpty(alerts);
        CollectionAssert.AreEqual(alerts, explained);
    }

    [TestMethod]
    [DataRow("docs/prometheus-alerts.yml")]
    [DataRow("docs/grafana-dashboard.json")]
    public void AlertsAndDashboard_UseMetricsOfTheOperationsPage(string file)
    {
        string page = File.ReadAllText(Path.Combine(Root, "docs/operations.md"));
        string[] unknown = [.. MetricName().Matches(File.ReadAllText(Path.Combine(Root, file))).Select(name => name.Value)
            .Where(name => !page.Contains($"`{name}`", StringComparison.Ordinal)).Distinct()];

        Assert.AreEqual("", string.Join(", ", unknown));
    }

    internal static CliEnvironment Environment() => new()
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

    [GeneratedRegex(@"""(?<name>twins\.[a-z.]+)""")]
    private static partial Regex MeterName();

    [GeneratedRegex(@"^ *- alert: (?<name>\S+)", RegexOptions.Multiline)]
    private static partial Regex Alert();

    [GeneratedRegex(@"\btwins_[a-z_]+")]
    private static partial Regex MetricName();

    [GeneratedRegex(@"(?<=_[a-z_]+)(_seconds)?(_total)?$")]
    private static partial Regex MetricSuffix();

    [GeneratedRegex(@"^#+ (?<text>.+?)\s*$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"[^\p{L}\p{N} _-]")]
    private static partial Regex NotInAnchor();
}
