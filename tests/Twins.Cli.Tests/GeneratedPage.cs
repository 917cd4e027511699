namespace Twins.Tests;

/// <summary>A page of docs/, all or parts of which are made of the code.</summary>
internal static class GeneratedPage
{
    private const string Writing = "TWINS_WRITE_DOCS";

    /// <summary>Fails unless the page is as the code has it; with <c>TWINS_WRITE_DOCS</c> set (scripts/write-docs.sh) it is written instead.</summary>
    /// <param name="name">The page below docs/.</param>
    /// <param name="make">The page as it should be, of what it is.</param>
    public static void Check(string name, Func<string, string> make)
    {
        string path = Path.Combine(Root(), "docs", name);
        string now = File.Exists(path) ? File.ReadAllText(path) : "";
        string wanted = make(now);
        if (Environment.GetEnvironmentVariable(Writing) is { Length: > 0 })
        {
            File.WriteAllText(path, wanted);
            return;
        }

        if (now == wanted)
            return;
        (string Is, string Wanted) line = now.Split('\n').Zip(wanted.Split('\n')).FirstOrDefault(pair => pair.First != pair.Second);
        Assert.Fail($"docs/{name} isn't as the code has it. Run scripts/write-docs.sh, look at what it changed, and commit that.\nis:     {line.Is}\nwanted: {line.Wanted}");
    }

    private static string Root()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "Twins.sln")))
            directory = Path.GetDirectoryName(directory);
        return directory ?? throw new InvalidOperationException($"{AppContext.BaseDirectory} is not in the repository.");
    }
}
