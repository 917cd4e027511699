using System.Net.Sockets;
using System.Text;

namespace Twins.Manager.Tests.Checkpoint;

/// <summary>A mobile program that sets, tells and reads its sockets as it is told over a connection.</summary>
internal sealed class SocketProgram : IDisposable
{
    // Commands: set SOCKET LEVEL OPTION HEX; get SOCKET LEVEL OPTION LENGTH; read SOCKET COUNT; urgent SOCKET.
    private const string Script = """
        import socket
        def listen(family, port):
            s = socket.socket(family)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("10.98.9.9" if family == socket.AF_INET else "::", port))
            s.listen(16)
            return s
        sockets = {"listener": listen(socket.AF_INET, 7000), "listener6": listen(socket.AF_INET6, 7001), "unbound": socket.socket()}
        print("ready", flush=True)
        control = sockets["listener"].accept()[0]
        for name in ("connection", "untouched"):
            sockets[name] = sockets["listener"].accept()[0]
        control.sendall(b"accepted\n")
        for line in control.makefile():
            command, name, *rest = line.split()
            s = sockets[name]
            try:
                if command == "set":
                    s.setsockopt(int(rest[0]), int(rest[1]), bytes.fromhex(rest[2]))
                    answer = "ok"
                elif command == "get":
                    answer = s.getsockopt(*map(int, rest)).hex()
                elif command == "read":
                    answer = s.recv(int(rest[0]), socket.MSG_DONTWAIT).decode()
                elif command == "urgent":
                    answer = s.recv(1, socket.MSG_OOB).decode()
            except OSError as e:
                answer = str(e)
            control.sendall(answer.encode() + b"\n")
        """;

    private readonly Socket _control;
    private readonly Socket _untouched;

    public SocketProgram(TestNetwork network)
    {
        Program = MobileProgram.Python(network, Script);
        _control = network.Connect(7000);
        Connection = network.Connect(7000);
        _untouched = network.Connect(7000);
        Assert.AreEqual("accepted", ReadLine());
    }

    public MobileProgram Program { get; }

    /// <summary>The peer's end of the program's socket "connection".</summary>
    public Socket Connection { get; }

    public string Ask(string command)
    {
        _control.Send(Encoding.ASCII.GetBytes(command + "\n"));
        return ReadLine();
    }

    public void Dispose()
    {
        _control.Dispose();
        Connection.Dispose();
        _untouched.Dispose();
        Program.Dispose();
    }

    private string ReadLine()
    {
        var line = new StringBuilder();
        for (var next = CriuFixture.Receive(_control, 1); next != "\n"; next = CriuFixture.Receive(_control, 1))
            line.Append(next);
        return line.ToString();
    }
}
