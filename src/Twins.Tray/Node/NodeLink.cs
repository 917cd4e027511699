namespace Twins.Tray.Node;

/// <summary>How the tray stands with this machine's <c>twinsd</c>.</summary>
internal enum NodeLink
{
    /// <summary>It tells what happens.</summary>
    Connected,

    /// <summary>It doesn't answer.</summary>
    Down,

    /// <summary>It answers, and not to this user; or somebody else answers in its place.</summary>
    Refused,
}
