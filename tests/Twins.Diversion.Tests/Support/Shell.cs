using System.Diagnostics;

namespace Twins.Diversion.Tests;

/// <summary>Runs a script of the system's tools.</summary>
internal static class Shell
{
    /// <summary>Runs the script inside a network namespace, or in the test's own, and gives its output.</summary>
    public static string Run(string script, string? networkNamespace = null)
    {
        var start = new ProcessStartInfo(networkNamespace is null ? "sh" : "nsenter") { RedirectStandardOutput = true, RedirectStandardError = true };
        if (networkNamespace is not null)
        {
            start.ArgumentList.Add($"--net={networkNamespace}");
            start.ArgumentList.Add("sh");
        }

        start.ArgumentList.Add("-ec");
        start.ArgumentList.Add(script);
        using var process = Process.Start(start)!;
        using var outputReader = process.StandardOutput;
        using var errorReader = process.StandardError;
        var error = errorReader.ReadToEndAsync();
        var output = outputReader.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{script}\nexit code {process.ExitCode}: {error.Result}");
    }
}
