using System.Diagnostics;
using Twins.Diversion.Linux;

namespace Twins.Manager.Tests.Checkpoint;

internal static class Shell
{
    /// <summary>Runs a shell script inside a network namespace; its output, or an exception with its errors.</summary>
    public static string Run(string? networkNamespace, string script) => NetworkNamespace.Run(networkNamespace, () =>
    {
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-e");
        using var process = Process.Start(start)!;
        process.StandardInput.Write(script);
        process.StandardInput.Close();
        using var outputReader = process.StandardOutput;
        using var errorReader = process.StandardError;
        var errors = errorReader.ReadToEndAsync();
        var output = outputReader.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, $"{script}\n{errors.Result}");
        return output;
    });
}
