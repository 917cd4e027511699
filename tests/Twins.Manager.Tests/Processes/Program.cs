using System.Diagnostics;

namespace Twins.Manager.Tests.Processes;

/// <summary>A python program in a network namespace and a session of its own; it prints lines, and ends when its input does.</summary>
internal sealed class Program : IDisposable
{
    private readonly Process _process;

    /// <param name="script">Python; <c>say(...)</c> prints a line at once, <c>rest()</c> waits for the end of the input.</param>
    /// <param name="ownNetwork">Whether it has a loopback interface of its own (root only).</param>
    public Program(string script, bool ownNetwork = true)
    {
        const string Prelude = """
            import os, socket, struct, sys, threading, time
            def say(*words): print(*words, flush=True)
            def rest(): sys.stdin.read()

            """;
        string[] command = ["setsid", "python3", "-c", Prelude + script];
        if (ownNetwork)
            command = ["unshare", "--net", "--", "sh", "-c", "ip link set lo up && ip addr add 10.99.0.1/24 dev lo && exec \"$@\"", "-", .. command];
        _process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
    }

    public int Pid => _process.Id;

    /// <summary>The next line, as words.</summary>
    public string[] Hear()
    {
        var line = _process.StandardOutput.ReadLineAsync(new CancellationTokenSource(TimeSpan.FromSeconds(20)).Token).AsTask().GetAwaiter().GetResult();
        Assert.IsNotNull(line, "The program ended before it said anything.");
        return line.Split(' ');
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(5)))
            _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }
}
