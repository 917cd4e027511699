using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Twins.Hook.Tests;

/// <summary>A directory with the hook and the test programs built, and a hook socket whose messages are collected.</summary>
internal sealed partial class Workbench : IDisposable
{
    private static readonly Lazy<string> Built = new(Build);
    private readonly Socket? _socket;
    private readonly List<HookMessage> _messages = [];
    private readonly Thread? _reader;

    /// <param name="reading">Whether datagrams are taken from the socket; when not, its queue fills up.</param>
    /// <param name="listening">Whether there is a socket at all.</param>
    public Workbench(bool reading = true, bool listening = true)
    {
        Directory = System.IO.Directory.CreateTempSubdirectory("twins-hook-").FullName;
        SocketPath = Path.Combine(Directory, "hook.sock");
        if (!listening)
            return;
        _socket = reading ? PatientSocket() : NewSocket();
        _socket.Bind(new UnixDomainSocketEndPoint(SocketPath));
        if (!reading)
            return;
        _reader = new Thread(Collect) { IsBackground = true };
        _reader.Start();
    }

    public string Directory { get; }

    public string SocketPath { get; }

    public static string Launcher => Path.Combine(Built.Value, "twins-exec");

    public static string Library => Path.Combine(Built.Value, "libtwins-hook.so");

    /// <summary>A test program of programs/NAME.c.</summary>
    public static string Program(string name) => Path.Combine(Built.Value, name);

    /// <summary>Runs a command under the hook (unless told otherwise) and gives its exit code and standard output.</summary>
    public (int ExitCode, string Output) Run(string command, IEnumerable<string> arguments, bool hooked = true)
    {
        using var process = Start(command, arguments, hooked);
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromSeconds(60)))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{command} did not end within a minute.");
        }

        return (process.ExitCode, output.Result);
    }

    public Process Start(string command, IEnumerable<string> arguments, bool hooked = true)
    {
        var start = new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true };
        start.Environment["TWINS_HOOK_SOCKET"] = SocketPath;
        if (hooked)
            start.Environment["LD_PRELOAD"] = Library;
        return Process.Start(start)!;
    }

    /// <summary>The messages so far, once <paramref name="enough"/> holds for them or ten seconds have passed.</summary>
    public HookMessage[] Messages(Func<IReadOnlyList<HookMessage>, bool> enough)
    {
        var limit = Stopwatch.StartNew();
        lock (_messages)
        {
            while (!enough(_messages) && limit.Elapsed < TimeSpan.FromSeconds(10))
                Monitor.Wait(_messages, TimeSpan.FromMilliseconds(200));
            return [.. _messages];
        }
    }

    public void Dispose()
    {
        if (_reader is not null)
        {
            // An empty datagram ends the reader.
            using var last = NewSocket();
            last.SendTo([], new UnixDomainSocketEndPoint(SocketPath));
            _reader.Join();
        }

        _socket?.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private void Collect()
    {
        var buffer = new byte[1024];
        for (int length; (length = _socket!.Receive(buffer)) > 0;)
        {
            var message = HookMessage.Read(buffer.AsSpan(0, length));
            lock (_messages)
            {
                _messages.Add(message);
                Monitor.PulseAll(_messages);
            }
        }
    }

    private static Socket NewSocket() => new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    /// <summary>A socket with room for all messages of a test: the queue's length comes from the network namespace it is made in.</summary>
    private static Socket PatientSocket()
    {
        Socket? socket = null;
        var thread = new Thread(() =>
        {
            const int CloneNewNet = 0x40000000;
            Assert.AreEqual(0, Unshare(CloneNewNet));
            File.WriteAllText("/proc/sys/net/unix/max_dgram_qlen", "10000");
            socket = NewSocket();
        });
        thread.Start();
        thread.Join();
        return socket!;
    }

    [LibraryImport("libc", EntryPoint = "unshare")]
    private static partial int Unshare(int flags);

    private static string Build()
    {
        var sources = AppContext.BaseDirectory;
        var target = Path.Combine(sources, "built");
        Command("make", ["-s", "-C", Path.Combine(sources, "hook"), $"OUTPUT={target}"]);
        foreach (var source in System.IO.Directory.GetFiles(Path.Combine(sources, "programs"), "*.c"))
        {
            var name = Path.GetFileNameWithoutExtension(source);
            Command("gcc", ["-D_GNU_SOURCE", "-Wall", "-Werror", "-O1", "-pthread", "-o", Path.Combine(target, name), source]);
        }

        Command("gcc", ["-D_GNU_SOURCE", "-static", "-O1", "-o", Path.Combine(target, "calls-static"), Path.Combine(sources, "programs", "calls.c")]);
        return target;
    }

    private static void Command(string name, IEnumerable<string> arguments)
    {
        using var process = Process.Start(name, arguments);
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, $"{name} failed");
    }
}
