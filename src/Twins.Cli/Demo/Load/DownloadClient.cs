using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Twins.Cli.Demo.Load;

/// <summary>Downloads one large file over one HTTP connection, slowly until told to finish, then at full speed.</summary>
/// <param name="bytesPerSecond">Rate until then.</param>
internal sealed class DownloadClient(
    string host, int port, string path, long totalBytes, long bytesPerSecond,
    TimeSpan patience, TextReader commands, TextWriter reports, TimeProvider time) : LoadClient(patience, commands, reports, time)
{
    // Small, so that the client soon notices when nothing comes: 16 KiB are 4 ms at 4 MiB/s.
    private const int ReceiveBufferBytes = 16 * 1024;
    private const int HeaderLimitBytes = 8 * 1024;

    protected override void Work()
    {
        using Socket socket = Connect(host, port, ReceiveBufferBytes);
        socket.Send(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        byte[] buffer = new byte[64 * 1024];
        int length = 0, headerEnd;
        while ((headerEnd = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8)) < 0)
        {
            if (length >= HeaderLimitBytes)
                throw new InvalidDataException("the answer's header has no end");
            length += Receive(socket, buffer.AsSpan(length));
        }
        string header = Encoding.ASCII.GetString(buffer, 0, headerEnd);
        if (!header.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal) ||
            !header.Contains(string.Create(CultureInfo.InvariantCulture, $"Content-Length: {totalBytes}"), StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidDataException($"unexpected answer: {header.Split('\r')[0]}");
        }

        long offset = 0;
        Check(buffer.AsSpan((headerEnd + 4)..length), ref offset);
        long start = Stopwatch.GetTimestamp();
        while (offset < totalBytes)
        {
            int count = Receive(socket, buffer.AsSpan(0, Finish ? buffer.Length : ReceiveBufferBytes));
            Check(buffer.AsSpan(0, count), ref offset);
            if (!Finish)
                Pace(offset, start);
        }
    }

    private void Check(ReadOnlySpan<byte> received, ref long offset)
    {
        long wrong = DemoContent.FirstWrong(received, offset);
        if (wrong >= 0)
            throw new InvalidDataException($"byte {wrong} of the download is wrong");
        offset += received.Length;
        Verified(received.Length, 1);
    }

    /// <summary>Waits until that many bytes are due. After a silence it reads on at full speed until it has caught up.</summary>
    private void Pace(long bytes, long start)
    {
        TimeSpan due = TimeSpan.FromSeconds((double)bytes / bytesPerSecond) - Stopwatch.GetElapsedTime(start);
        if (due > TimeSpan.Zero)
            Thread.Sleep(due);
    }
}
