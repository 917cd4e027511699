using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;

namespace Twins.Cli.Demo.Load;

/// <summary>A client that puts load on a server and checks every byte of the answers. It takes
/// <c>mark N</c> and <c>finish</c> on standard input and reports on standard output.</summary>
/// <param name="patience">The longest wait for an answer: silence that no migration explains is a failure.</param>
internal abstract class LoadClient(TimeSpan patience, TextReader commands, TextWriter reports, TimeProvider time)
{
    private static readonly TimeSpan ReportInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(15);

    private readonly Lock _reporting = new();
    private long _verifiedBytes;
    private long _exchanges;
    private long _newConnections;
    private volatile bool _finish;

    protected SilenceMeter Silence { get; } = new(time);

    protected TimeSpan Patience => patience;

    /// <summary>True once the client shall come to its end.</summary>
    protected bool Finish => _finish;

    /// <summary>Runs the client to its end.</summary>
    /// <returns>0 if every byte was right, else 1.</returns>
    public int Run()
    {
        new Thread(TakeCommands) { IsBackground = true, Name = "commands" }.Start();
        string error = "";
        using (new Timer(_ => Report(0, 0, false, ""), null, ReportInterval, ReportInterval))
        {
            try
            {
                Work();
            }
            catch (Exception failure) when (failure is SocketException or InvalidDataException)
            {
                error = failure.Message;
            }
        }
        Report(0, 0, error.Length == 0, error);
        return error.Length == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    /// <summary>Loads the server until <see cref="Finish"/>.</summary>
    /// <exception cref="SocketException">The connection broke.</exception>
    /// <exception cref="InvalidDataException">A byte was wrong.</exception>
    protected abstract void Work();

    protected void Verified(int bytes, int exchanges)
    {
        Interlocked.Add(ref _verifiedBytes, bytes);
        Interlocked.Add(ref _exchanges, exchanges);
    }

    protected void ConnectionAnswered() => Interlocked.Increment(ref _newConnections);

    /// <summary>Receives at least one byte, and measures the wait.</summary>
    protected int Receive(Socket socket, Span<byte> buffer)
    {
        Silence.Wait();
        int count = socket.Receive(buffer);
        Silence.Heard();
        return count > 0 ? count : throw new InvalidDataException("the server closed the connection");
    }

    /// <summary>Connects; a server that is just starting is waited for.</summary>
    protected Socket Connect(string host, int port, int receiveBufferBytes = 0)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
            {
                NoDelay = true,
                ReceiveTimeout = (int)patience.TotalMilliseconds,
            };
            if (receiveBufferBytes > 0)
                socket.ReceiveBufferSize = receiveBufferBytes;
            try
            {
                socket.Connect(host, port);
                return socket;
            }
            catch (SocketException) when (Stopwatch.GetElapsedTime(start) < ConnectLimit)
            {
                socket.Dispose();
                Thread.Sleep(50);
            }
        }
    }

    private void TakeCommands()
    {
        while (commands.ReadLine() is { } line)
        {
            if (line == "finish")
            {
                _finish = true;
            }
            else if (line.StartsWith("mark ", StringComparison.Ordinal) &&
                int.TryParse(line.AsSpan(5), CultureInfo.InvariantCulture, out int mark))
            {
                Report(mark, Silence.Mark().TotalMilliseconds, false, "");
            }
        }
    }

    private void Report(int mark, double windowMilliseconds, bool done, string error)
    {
        var report = new ClientReport(
            Interlocked.Read(ref _verifiedBytes), Interlocked.Read(ref _exchanges), Interlocked.Read(ref _newConnections),
            Math.Round(Silence.Longest.TotalMilliseconds, 1), mark, Math.Round(windowMilliseconds, 1), done, error);
        lock (_reporting)
        {
            reports.WriteLine(JsonSerializer.Serialize(report, ClientJson.Default.ClientReport));
            reports.Flush();
        }
    }
}
