namespace Twins.KernelTests.Lab;

/// <summary>The source tree that the tests run in, with the programs that were built there.</summary>
internal static class Repository
{
    /// <summary>The directory of <c>Twins.sln</c>.</summary>
    public static string Root { get; } = Find();

    /// <summary>The built CLI.</summary>
    public static string Cli => Path.Combine(Root, "build", "twins", "twins");

    /// <summary>Files of the tests. Every lab machine sees them at this path.</summary>
    public static string Scratch { get; } = Directory.CreateDirectory(Path.Combine(Root, "build", "kernel-tests")).FullName;

    /// <summary>A program or source of <c>tests/rigs</c>.</summary>
    public static string Rig(string name) => Path.Combine(Root, "tests", "rigs", name);

    private static string Find()
    {
        for (string? directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (File.Exists(Path.Combine(directory, "Twins.sln")))
                return directory;
        }
        throw new InvalidOperationException($"No Twins.sln above {AppContext.BaseDirectory}: run the tests inside the source tree.");
    }
}
