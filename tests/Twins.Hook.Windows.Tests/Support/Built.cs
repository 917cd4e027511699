using Twins.Cli;

namespace Twins.Hook.Windows.Tests.Support;

/// <summary>What run.sh has made.</summary>
internal static class Built
{
    /// <summary>The hook and the launcher, found as the CLI finds them.</summary>
    public static Installation Installation { get; } = new(null, AppContext.BaseDirectory);

    /// <summary>A program that the hook is tried with.</summary>
    public static string Program(string name)
    {
        var path = Path.Combine(Installation.Home, "build", "hook-windows", "programs", name + ".exe");
        return File.Exists(path) ? path : throw new FileNotFoundException("run.sh makes it", path);
    }
}
