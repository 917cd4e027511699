using System.Diagnostics;
using System.Globalization;
using Twins.Manager.Cabins;
using Twins.Manager.Checkpoint;
using Twins.Manager.Processes;

namespace Twins.Manager.Tests.Checkpoint;

/// <summary>A program of another language that knows nothing of all this, started as mobile programs are.</summary>
internal sealed class MobileProgram : IDisposable
{
    public const string EchoServer = """
        import socket, sys
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("10.98.9.9", 7000))
        s.listen(16)
        print("ready", flush=True)
        while True:
            c, _ = s.accept()
            while True:
                b = c.recv(65536)
                if not b: break
                c.sendall(b)
        """;

    private readonly List<ProcessHandle> _handles = [];
    private readonly string _output;

    private MobileProgram(int pid, string output)
    {
        Pid = pid;
        _output = output;
        Track();
    }

    public int Pid { get; }

    public static MobileProgram Python(TestNetwork network, string script, string name = "program")
    {
        var file = Path.Combine(network.Folder, name + ".py");
        File.WriteAllText(file, script);
        return Start(network, $"/usr/bin/python3 {file}", name);
    }

    public static MobileProgram Start(TestNetwork network, string command, string name = "program", string ready = "ready")
    {
        var output = Path.Combine(network.Folder, name + ".out");
        // In the background of a shell that ends: the program is init's child and in its own session. It keeps no descriptor but its three,
        // as the launcher sees to it: the runtime names threads, and a file of /proc that it has open for that would be the program's, too.
        var pid = Shell.Run(network.Home, $"""
            cd /
            setsid bash -c 'cd /proc/$$/fd; for fd in *; do [ "$fd" -lt 3 ] || eval "exec $fd>&-"; done; cd /; echo $$ > {output}.pid; exec {command}' </dev/null >{output} 2>&1 &
            until [ -s {output}.pid ] && grep -qi '{ready}' {output}; do kill -0 $! ; done
            cat {output}.pid
            """);
        return new MobileProgram(int.Parse(pid, CultureInfo.InvariantCulture), output);
    }

    public string Output => File.ReadAllText(_output);

    /// <summary>Takes note of the processes as they are now, so that they end with the test.</summary>
    public void Track() => _handles.AddRange(ProcessTree.ReadPids(Pid).Select(ProcessHandle.TryOpen).OfType<ProcessHandle>());

    public void Dispose()
    {
        foreach (var handle in _handles)
        {
            handle.Signal(9);
            handle.WaitForExit(TimeSpan.FromSeconds(10));
            handle.TryReap();
            handle.Dispose();
        }
    }
}
