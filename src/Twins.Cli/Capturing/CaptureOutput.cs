using System.Text.Json;
using Twins.Capture;
using Twins.Cli.Capturing.Windows;
using Twins.Cli.Output;

namespace Twins.Cli.Capturing;

/// <summary>Where a capture's lines go: standard output as text or as one JSON document that grows, and a file.</summary>
internal sealed class CaptureOutput : IDisposable
{
    private const int MostText = 1 << 16;
    private const string StandardOutput = "-";
    private readonly CliEnvironment _environment;
    private readonly CaptureRequest _request;
    private readonly PcapngWriter? _file;
    private readonly bool _isFileOnly;

    // Written at once with the next Flush: the console takes each call for itself.
    private readonly StringWriter _text = new();
    private bool _hasPackets;

    private CaptureOutput(CliEnvironment environment, CaptureRequest request, PcapngWriter? file)
    {
        _environment = environment;
        _request = request;
        _file = file;
        _isFileOnly = request.WritePath == StandardOutput;
    }

    /// <summary>
    /// An interface whose frames are written: what twins tell is written alike, because tcpdump reads only files whose frames all have
    /// one kind of link-layer header. Null: there is none.
    /// </summary>
    public CaptureInterface? Like { get; set; }

    /// <summary>Whether nobody reads the lines any more. A file is written for somebody who comes later.</summary>
    public bool IsUnread => (_file is null || _isFileOnly) && _environment.IsOutClosed();

    /// <summary>Makes the file, if one is wanted, and begins the document.</summary>
    /// <exception cref="IOException">The file can't be made.</exception>
    public static CaptureOutput Open(CliEnvironment environment, CaptureRequest request)
    {
        PcapngWriter? file = request.WritePath.Length == 0 ? null : new PcapngWriter(OpenFile(environment, request.WritePath), $"twins {CommandTree.Version}");
        var output = new CaptureOutput(environment, request, file);
        if (request.Json)
            environment.Out.Write("{\"packets\":[");
        return output;
    }

    public void Write(PacketLine line)
    {
        WriteFile(line);
        // A file that is read at once is not to be kept in memory whole.
        if (_text.GetStringBuilder().Length > MostText)
            Flush();
        if (line.IsSeenAgain || _isFileOnly)
            return;
        if (_request.Json)
        {
            _text.Write(_hasPackets ? ",\n" : "\n");
            _text.Write(JsonSerializer.Serialize(CaptureDocuments.Of(line, _request.Payload), JsonDocuments.Readable.PacketDocument));
        }
        else if (_file is null)
        {
            PacketText.Write(_text, line, _request.Payload);
        }
        _hasPackets = true;
    }

    /// <summary>What was written can be read by others.</summary>
    public void Flush()
    {
        if (_text.GetStringBuilder() is { Length: > 0 } text)
        {
            _environment.Out.Write(text);
            _environment.Out.Flush();
            text.Clear();
        }
        _file?.Flush();
    }

    /// <summary>Says what all of it comes to.</summary>
    /// <param name="summary">By connection.</param>
    /// <param name="dropped">Packets that the system had no room for.</param>
    /// <param name="missed">Packets that this program was too slow for.</param>
    /// <param name="problem">What went wrong; empty: nothing.</param>
    public void Finish(CaptureSummary summary, long dropped, long missed, string problem)
    {
        Flush();
        if (problem.Length > 0)
            _environment.Error.WriteLine($"twins: {problem}");
        if (_request.Json)
        {
            // What follows the packets, without its first brace.
            string rest = JsonSerializer.Serialize(CaptureDocuments.Of(summary, dropped, missed, problem), JsonDocuments.Readable.CaptureEndDocument);
            _environment.Out.WriteLine("],\n" + rest[1..]);
            return;
        }
        TextWriter to = _isFileOnly ? _environment.Error : _environment.Out;
        CaptureSummaryView.Write(_isFileOnly ? _environment.ErrorConsole() : _environment.OutConsole(), to, summary, dropped, missed);
        if (_file is not null && !_isFileOnly)
            to.WriteLine($"{_request.WritePath} has {summary.Packets} packets{(_request.Payload ? "" : ", their headers only")}.");
    }

    public void Dispose()
    {
        _file?.Dispose();
        _text.Dispose();
    }

    private void WriteFile(PacketLine line)
    {
        if (_file is null)
            return;
        for (int i = 0; i < line.Frames.Count; i++)
        {
            CapturedFrame frame = line.Frames[i];
            if (frame.Interface.IsTwin && Like is { } like)
                frame = LinkHeader.Add(frame, like);
            string comment = PacketComment.Of(line, isOtherSide: i > 0)?.ToString() ?? "";
            _file.Write(frame, frame.Octets.Length, comment);
        }
    }

    // What it has is nobody else's business.
    private static Stream OpenFile(CliEnvironment environment, string path)
    {
        if (path == StandardOutput)
            return environment.OutBytes;
        if (OperatingSystem.IsWindows())
            return PrivateFile.Create(path);
        return new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            Share = FileShare.Read,
            BufferSize = 1 << 16,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
    }
}
