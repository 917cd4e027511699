using Twins.Manager.Access.Sessions;

namespace Twins.Manager.Access;

/// <summary>Who called the local API, in the system's words, and what it may.</summary>
/// <param name="Name">For the log.</param>
/// <param name="Pid">The process that made the connection; 0: the system doesn't tell.</param>
/// <param name="MayRead">It is one of the readers.</param>
/// <param name="MayChange">It may do everything, reading too.</param>
internal sealed record LocalCaller(string Name, int Pid, bool MayRead, bool MayChange)
{
    /// <summary>The user: on Linux the ID, on Windows the SID; null: unknown.</summary>
    public string? User { get; init; }

    /// <summary>Whether it is the admin page's program.</summary>
    public bool IsPage { get; init; }

    /// <summary>For whom the page's program calls; null: for itself, or it isn't the page.</summary>
    public PageSession? Session { get; init; }
}
