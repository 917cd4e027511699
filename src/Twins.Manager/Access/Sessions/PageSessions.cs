using System.Text.Json;
using Twins.Manager.Settings;

namespace Twins.Manager.Access.Sessions;

/// <summary>
/// Who is logged in to the admin page. Only hashes of the secrets are kept, in a file of root's in the run directory, so that a
/// restart of twinsd logs nobody out, and a reboot everybody. Thread safe.
/// </summary>
internal sealed partial class PageSessions(TwinsdOptions options, TimeProvider time, ILogger<PageSessions> log)
{
    public const int Most = 64;

    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(12);

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly Lock _lock = new();
    private Dictionary<string, PageSession>? _sessions;

    private string Path => System.IO.Path.Combine(options.RunDirectory, "admin-sessions.json");

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return Living().Count;
        }
    }

    /// <summary>Begins one. When there are too many, the oldest ends.</summary>
    /// <returns>The secret that stands for it.</returns>
    public string Begin(string user, bool isAdmin, out PageSession session)
    {
        var token = PageLogins.NewSecret();
        session = new PageSession(PageLogins.HashOf(token), user, isAdmin, time.GetUtcNow() + Lifetime);
        lock (_lock)
        {
            var sessions = Living();
            if (sessions.Count >= Most)
                sessions.Remove(sessions.Values.MinBy(s => s.Expires)!.TokenHash);
            sessions[session.TokenHash] = session;
            Save();
        }

        return token;
    }

    /// <summary>The session of a secret; null: it has ended, or never was.</summary>
    public PageSession? Find(string token)
    {
        lock (_lock)
            return Living().GetValueOrDefault(PageLogins.HashOf(token));
    }

    /// <summary>Whether it goes on.</summary>
    public bool IsLiving(PageSession session)
    {
        lock (_lock)
            return Living().ContainsKey(session.TokenHash);
    }

    /// <summary>Ends one.</summary>
    public void End(PageSession session)
    {
        lock (_lock)
        {
            if (Living().Remove(session.TokenHash))
                Save();
        }
    }

    private Dictionary<string, PageSession> Living()
    {
        _sessions ??= Load();
        var now = time.GetUtcNow();
        foreach (var old in _sessions.Values.Where(s => s.Expires <= now).ToList())
            _sessions.Remove(old.TokenHash);
        return _sessions;
    }

    private Dictionary<string, PageSession> Load()
    {
        try
        {
            // On Linux the run directory is empty then.
            var isOfBefore = OperatingSystem.IsWindows() && File.GetLastWriteTimeUtc(Path) < DateTime.UtcNow - TimeSpan.FromMilliseconds(Environment.TickCount64);
            return isOfBefore || !File.Exists(Path) ? []
                : (JsonSerializer.Deserialize(File.ReadAllBytes(Path), StateJson.Default.ListPageSession) ?? []).ToDictionary(s => s.TokenHash);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            // A damaged file lets nobody in.
            return [];
        }
    }

    private void Save()
    {
        try
        {
            var aside = Path + ".new";
            var file = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                file.UnixCreateMode = OwnerOnly;
            using (var stream = new FileStream(aside, file))
                JsonSerializer.Serialize(stream, [.. _sessions!.Values], StateJson.Default.ListPageSession);
            File.Move(aside, Path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogNotSaved(Path, e.Message);
        }
    }

    [LoggerMessage(3121, LogLevel.Warning, "{Path} can't be written ({Cause}): after a restart of twinsd everybody has to log in to the admin page again.")]
    private partial void LogNotSaved(string path, string cause);
}
