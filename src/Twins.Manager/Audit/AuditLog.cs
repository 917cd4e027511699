using System.Text.Json;
using Twins.Manager.Access;
using Twins.Manager.Settings;

namespace Twins.Manager.Audit;

/// <summary>
/// Who changed what, when, and how that ended: <c>audit.log</c> in the state directory, a line of JSON each, root's. What somebody may
/// not do is in it once an hour. Bounded: a full file becomes <c>audit.log.1</c>, and the one before that goes. Thread safe.
/// </summary>
internal sealed partial class AuditLog(TwinsdOptions options, TimeProvider time, ILogger<AuditLog> log)
{
    /// <summary>Size at which a new file is begun.</summary>
    public const long MostBytes = 4 * 1024 * 1024;

    private const int MostCharacters = 500;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly Lock _lock = new();

    private string FilePath => Path.Combine(options.StateDirectory, "audit.log");

    /// <summary>Writes a line. If it can't be written the log says so; what was done is done.</summary>
    public void Add(LocalCaller? caller, string what, string subject, string outcome, string detail)
    {
        var line = new AuditLine(time.GetUtcNow(), caller?.Name ?? "Somebody", caller is { IsPage: true } ? "page" : "local", what, Cut(subject), outcome, Cut(detail));
        try
        {
            lock (_lock)
                Write(line);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogNotWritten(FilePath, e.Message, line.Who, line.What, line.Subject, line.Outcome);
        }
    }

    /// <summary>The last lines, the newest first.</summary>
    public IReadOnlyList<AuditLine> ReadLast(int most)
    {
        lock (_lock)
        {
            var lines = new[] { FilePath + ".1", FilePath }.Where(File.Exists).SelectMany(File.ReadLines).TakeLast(most).Reverse();
            return [.. lines.Select(TryParse).OfType<AuditLine>()];
        }
    }

    private void Write(AuditLine line)
    {
        var path = FilePath;
        if (new FileInfo(path) is { Exists: true, Length: >= MostBytes })
            File.Move(path, path + ".1", overwrite: true);
        var how = new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.Read };
        if (!OperatingSystem.IsWindows())
            how.UnixCreateMode = OwnerOnly;
        Directory.CreateDirectory(options.StateDirectory);
        using var file = new FileStream(path, how);
        file.Write([.. JsonSerializer.SerializeToUtf8Bytes(line, StateJson.Default.AuditLine), (byte)'\n']);
    }

    // A power failure may have cut one.
    private static AuditLine? TryParse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, StateJson.Default.AuditLine);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Cut(string text) => text.Length <= MostCharacters ? text : text[..MostCharacters];

    [LoggerMessage(3111, LogLevel.Error, "{Path} can't be written ({Cause}). What belongs there: {Who}, {What} {Subject}: {Outcome}.")]
    private partial void LogNotWritten(string path, string cause, string who, string what, string subject, string outcome);
}
