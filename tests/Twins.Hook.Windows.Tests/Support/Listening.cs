using System.Diagnostics;
using System.Globalization;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Security.Principal;
using Twins.Manager.Access;
using Twins.Manager.Hooks;
using Twins.Manager.Tests.Hooks;

namespace Twins.Hook.Windows.Tests.Support;

/// <summary>The listener on a pipe of its own, and programs and clients that tell it something.</summary>
internal sealed partial class Listening : IDisposable
{
    /// <summary>Variable that tells hooks the name of the pipe (hook_protocol.h).</summary>
    public const string PipeVariable = "TWINS_HOOK_PIPE";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private readonly string _name = $"twins-hook-test-{Guid.NewGuid():N}";

    public Listening() => Listener = Listen();

    public HookListener Listener { get; }

    public CollectingLogger<HookListener> Logger { get; } = new();

    public CollectingLogger<RefusalLog> Refusals { get; } = new();

    /// <summary>The pipe's whole name.</summary>
    public string Path => @"\\.\pipe\" + _name;

    /// <summary>One more listener of the same name.</summary>
    public HookListener Listen() => new(Path, new RefusalLog(TimeProvider.System, Refusals), Logger);

    /// <summary>Connects as a hook does: for writing, and to be identified only.</summary>
    public NamedPipeClientStream Connect(PipeAccessRights rights = PipeAccessRights.WriteData)
    {
        var client = new NamedPipeClientStream(".", _name, rights, PipeOptions.None, TokenImpersonationLevel.Identification, HandleInheritability.None);
        client.Connect(Limit);
        return client;
    }

    /// <summary>Sends a message as it is, an empty one too, which .NET doesn't do.</summary>
    public static void Send(NamedPipeClientStream client, byte[] message) =>
        Assert.IsTrue(WriteFile(client.SafePipeHandle, message, (uint)message.Length, out _, 0));

    /// <summary>Starts a program of run.sh under the hook. Its PID is the first line that it prints.</summary>
    public Process Start(string name, params string[] arguments) => StartProgram(Built.Program(name), arguments);

    /// <summary>Starts any program under the hook.</summary>
    public Process StartProgram(string path, params string[] arguments)
    {
        var start = new ProcessStartInfo(
            Built.Installation.Launcher, ["--hook", Built.Installation.HookLibrary, "--print-pid", "--", path, .. arguments])
        {
            RedirectStandardOutput = true,
            Environment = { [PipeVariable] = Path },
        };
        return Process.Start(start)!;
    }

    /// <summary>Runs a program of run.sh under the hook to its end.</summary>
    /// <returns>Its PID and what it printed, by lines.</returns>
    public Task<(int Pid, IReadOnlyList<string> Lines)> RunAsync(string name, params string[] arguments) => RunProgramAsync(Built.Program(name), arguments);

    /// <summary>Runs any program under the hook to its end.</summary>
    public async Task<(int Pid, IReadOnlyList<string> Lines)> RunProgramAsync(string path, params string[] arguments)
    {
        using var process = StartProgram(path, arguments);
        var lines = (await process.StandardOutput.ReadToEndAsync().WaitAsync(Limit)).Split("\r\n", StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(line => line.Split('\n', StringSplitOptions.RemoveEmptyEntries)).ToList();
        await process.WaitForExitAsync().WaitAsync(Limit);
        Assert.AreEqual(0, process.ExitCode, string.Join('\n', lines));
        return (int.Parse(lines[0], CultureInfo.InvariantCulture), lines[1..]);
    }

    /// <summary>The next event, waited for.</summary>
    public async Task<HookEvent> NextAsync() => await Listener.Events.ReadAsync(new CancellationTokenSource(Limit).Token);

    /// <summary>So many events of one process, as text; others' are passed over.</summary>
    public async Task<string> NextAsync(int pid, int count)
    {
        var lines = new List<string>();
        while (lines.Count < count)
        {
            HookEvent told;
            try
            {
                told = await NextAsync();
            }
            catch (OperationCanceledException)
            {
                // What was told will show what is missing.
                break;
            }

            if (told.Pid == pid)
                lines.Add(Text(told));
        }

        return string.Join('\n', lines);
    }

    /// <summary>A port that the system chose is a star.</summary>
    public static string Text(HookEvent told) =>
        $"{told.Kind} {told.Transport} {End(told.Local)} {End(told.Remote)}{(told.IsInProgress ? " in progress" : "")}";

    public void Dispose() => Listener.Dispose();

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool WriteFile(SafeHandle file, ReadOnlySpan<byte> buffer, uint length, out uint written, nint overlapped);

    private static string End(Twins.Packets.Endpoint end) => end.Port < 32768 ? end.ToString() : $"{end.ToString()[..^5]}*";
}
