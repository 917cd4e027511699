using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Twins.Manager.Windows.Tests.Processes;

/// <summary>
/// What tests look at: a program that does with sockets what its input says, a line each, answers each with a line, and ends when
/// its input does. Wine knows a socket's process only while that process has a descriptor of it itself, as it has while it reads and
/// writes; all sockets belong to wineserver. <see cref="Hold(Socket)"/> sees to that.
/// </summary>
internal static partial class SocketProgram
{
    public const string Verb = "socket-program";

    public static int Run()
    {
        var sockets = new Dictionary<string, Socket>();
        var children = new List<StartedProgram>();
        while (Console.ReadLine() is { } line)
        {
            string answer;
            try
            {
                answer = Do(line.Split(' '), sockets, children);
            }
            catch (SocketException exception)
            {
                answer = $"error {exception.SocketErrorCode}";
            }

            Console.WriteLine(answer);
        }

        return 0;
    }

    private static string Do(string[] words, Dictionary<string, Socket> sockets, List<StartedProgram> children)
    {
        switch (words)
        {
            case ["listen", var name, var at]:
                var listener = Bind(at, SocketType.Stream, ProtocolType.Tcp);
                listener.Listen();
                Hold(listener);
                sockets[name] = listener;
                return listener.LocalEndPoint!.ToString()!;
            case ["listen-both", var name]:
                var both = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
                both.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
                both.Listen();
                Hold(both);
                sockets[name] = both;
                return both.LocalEndPoint!.ToString()!;
            case ["udp", var name, var at]:
                sockets[name] = Bind(at, SocketType.Dgram, ProtocolType.Udp);
                _ = sockets[name].Ttl;
                return sockets[name].LocalEndPoint!.ToString()!;
            case ["connect", var name, var to]:
                var end = IPEndPoint.Parse(to);
                var client = new Socket(end.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                client.Connect(end);
                _ = client.Ttl;
                sockets[name] = client;
                return client.LocalEndPoint!.ToString()!;
            case ["accept", var name, var from]:
                sockets[name] = sockets[from].Accept();
                Hold(sockets[name]);
                return sockets[name].RemoteEndPoint!.ToString()!;
            case ["shutdown", var name]:
                sockets[name].Shutdown(SocketShutdown.Send);
                return "done";
            case ["close", var name]:
                sockets[name].Dispose();
                return "done";
            case ["start"]:
                var child = new StartedProgram();
                children.Add(child);
                child.Ask("hello");
                return child.Pid.ToString(System.Globalization.CultureInfo.InvariantCulture);
            default:
                return "hello";
        }
    }

    private static Socket Bind(string at, SocketType type, ProtocolType protocol)
    {
        var end = IPEndPoint.Parse(at);
        var socket = new Socket(end.AddressFamily, type, protocol);
        if (end.AddressFamily == AddressFamily.InterNetworkV6)
            socket.DualMode = false;
        socket.Bind(end);
        return socket;
    }

    /// <summary>
    /// For sockets of which wine keeps no descriptor in the program: takes one, until the program ends. Of others it keeps the one
    /// with which it has asked for an option.
    /// </summary>
    private static void Hold(Socket socket)
    {
        try
        {
            _ = WineServerHandleToFd(socket.Handle, 0, out _, 0);
        }
        catch (EntryPointNotFoundException)
        {
            // This is Windows.
        }
    }

    [LibraryImport("ntdll", EntryPoint = "wine_server_handle_to_fd")]
    private static partial int WineServerHandleToFd(nint handle, uint access, out int descriptor, nint options);
}
