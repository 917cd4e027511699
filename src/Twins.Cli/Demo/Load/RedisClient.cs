using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Twins.Cli.Demo.Load;

/// <summary>Pipelined SET and GET over one connection, every reply checked; beside it a new connection twice a second.</summary>
internal sealed class RedisClient(
    string host, int port, TimeSpan patience, TextReader commands, TextWriter reports, TimeProvider time)
    : LoadClient(patience, commands, reports, time)
{
    private const int Pairs = 16;
    private const int ValueBytes = 256;
    private const int Keys = 1000;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan NewConnectionInterval = TimeSpan.FromMilliseconds(500);

    private volatile Exception? _newConnectionFailure;

    protected override void Work()
    {
        using Socket socket = Connect(host, port);
        var newConnections = new Thread(OpenNewConnections) { IsBackground = true, Name = "new connections" };
        newConnections.Start();
        byte[] value = new byte[ValueBytes];
        byte[] received = new byte[Pairs * (ValueBytes + 64)];
        for (long batch = 0; !Finish; batch++)
        {
            using var request = new MemoryStream();
            using var expected = new MemoryStream();
            for (int pair = 0; pair < Pairs; pair++)
            {
                long number = (batch * Pairs) + pair;
                DemoContent.Fill(value, number * ValueBytes);
                Append(request, expected, $"key:{number % Keys}", value);
            }
            socket.Send(request.GetBuffer().AsSpan(0, (int)request.Length));
            Expect(socket, received, expected.GetBuffer().AsSpan(0, (int)expected.Length));
            if (_newConnectionFailure is { } failure)
                throw new InvalidDataException($"a new connection failed: {failure.Message}", failure);
            Thread.Sleep(Pause);
        }
        newConnections.Join();
        if (_newConnectionFailure is { } last)
            throw new InvalidDataException($"a new connection failed: {last.Message}", last);
    }

    private static void Append(MemoryStream request, MemoryStream expected, string key, byte[] value)
    {
        Write(request, $"*3\r\n$3\r\nSET\r\n${key.Length}\r\n{key}\r\n${value.Length}\r\n");
        request.Write(value);
        Write(request, $"\r\n*2\r\n$3\r\nGET\r\n${key.Length}\r\n{key}\r\n");
        Write(expected, $"+OK\r\n${value.Length}\r\n");
        expected.Write(value);
        Write(expected, "\r\n");
    }

    private void Expect(Socket socket, byte[] received, ReadOnlySpan<byte> expected)
    {
        int length = 0;
        try
        {
            while (length < expected.Length)
                length += Receive(socket, received.AsSpan(length));
        }
        catch (SocketException failure) when (failure.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            throw new InvalidDataException($"no answer for {Patience.TotalSeconds:0} s; asked again: {AskAgain(socket)}", failure);
        }
        if (!received.AsSpan(0, length).SequenceEqual(expected))
            throw new InvalidDataException("a reply of redis-server is wrong");
        Verified(length, 2 * Pairs);
    }

    /// <summary>What a connection that has fallen silent says when it is used once more.</summary>
    private static string AskAgain(Socket socket)
    {
        try
        {
            socket.Send("PING\r\n"u8);
            return socket.Receive(new byte[16]) == 0 ? "closed" : "an answer";
        }
        catch (SocketException failure)
        {
            return failure.Message;
        }
    }

    private void OpenNewConnections()
    {
        try
        {
            byte[] reply = new byte[16];
            while (!Finish)
            {
                using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = (int)Patience.TotalMilliseconds };
                socket.Connect(host, port);
                socket.Send("PING\r\n"u8);
                int length = 0;
                while (length < 7)
                {
                    int count = socket.Receive(reply.AsSpan(length));
                    if (count == 0)
                        throw new InvalidDataException("closed before the answer");
                    length += count;
                }
                if (!reply.AsSpan(0, length).SequenceEqual("+PONG\r\n"u8))
                    throw new InvalidDataException("wrong answer");
                ConnectionAnswered();
                Thread.Sleep(NewConnectionInterval);
            }
        }
        catch (Exception failure) when (failure is SocketException or InvalidDataException)
        {
            _newConnectionFailure = failure;
        }
    }

    private static void Write(MemoryStream stream, FormattableString text) =>
        stream.Write(Encoding.ASCII.GetBytes(text.ToString(CultureInfo.InvariantCulture)));

    private static void Write(MemoryStream stream, string text) => stream.Write(Encoding.ASCII.GetBytes(text));
}
