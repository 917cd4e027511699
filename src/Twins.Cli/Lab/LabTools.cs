using System.Diagnostics;
using System.Globalization;

namespace Twins.Cli.Lab;

/// <summary>Runs the programs of the system that make and enter namespaces (util-linux, iproute2, tini).</summary>
internal static class LabTools
{
    private static readonly string[] Needed = ["unshare", "nsenter", "setsid", "mount", "ip", "tini", "sh"];

    /// <summary>Fails with the remedy if a program is missing.</summary>
    public static void Check()
    {
        string[] missing = [.. Needed.Where(tool => Find(tool) is null)];
        if (missing.Length > 0)
        {
            throw new CliException(ExitCode.Failed, "tools-missing",
                $"the lab needs {string.Join(", ", missing)}; on Debian: apt install util-linux iproute2 tini");
        }
    }

    /// <summary>An embedded shell script.</summary>
    public static string Script(string name)
    {
        using Stream stream = typeof(LabTools).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Arguments for nsenter(1) that enter all namespaces of the machine whose PID 1 this is.</summary>
    public static IEnumerable<string> Enter(int init) =>
        ["-t", init.ToString(CultureInfo.InvariantCulture), "-n", "-p", "-m", "-u", "-i", "--"];

    /// <summary>Runs a program to its end; a failure is an exception with what it said.</summary>
    public static async Task RunAsync(string file, IEnumerable<string> arguments, string? input, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        Task<string> error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        if (input is not null)
            await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        try
        {
            await process.WaitForExitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
        string said = ((await error).Trim() + "\n" + (await output).Trim()).Trim();
        if (process.ExitCode != 0)
        {
            throw new CliException(ExitCode.Failed, "lab-step-failed",
                $"{file} {string.Join(' ', start.ArgumentList.Take(12).Select(Shortened))} failed with code {process.ExitCode}: {said}");
        }
    }

    /// <summary>Starts a program that outlives this one, in a session of its own; it must redirect its own output.</summary>
    public static async Task StartHolderAsync(string statFile, string[] command, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        string[] arguments = ["sh", "-c", Script("machine-start.sh"), "sh", statFile, .. command];
        using Process process = Process.Start(new ProcessStartInfo("setsid", arguments) { WorkingDirectory = "/" })!;
        await WaitAsync(() => File.Exists(statFile) || process.HasExited, TimeSpan.FromSeconds(10),
            "a lab machine didn't start", CancellationToken.None);
    }

    /// <summary>Waits until a condition holds.</summary>
    public static async Task WaitAsync(Func<bool> condition, TimeSpan limit, string failure, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > limit)
                throw new CliException(ExitCode.Failed, "lab-timeout", $"{failure} within {limit.TotalSeconds:0} s");
            await Task.Delay(5, cancellation);
        }
    }

    private static string Shortened(string argument) => argument.Length > 60 ? "..." : argument;

    /// <summary>Path of a program; null if it isn't there.</summary>
    public static string? Find(string tool) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(':').Append("/usr/sbin").Append("/sbin").Select(directory => Path.Combine(directory, tool)).FirstOrDefault(File.Exists);
}
