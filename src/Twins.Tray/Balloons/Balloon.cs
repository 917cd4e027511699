using Twins.Tray.Status;

namespace Twins.Tray.Balloons;

/// <summary>A message that the system shows beside the icon, or as a toast.</summary>
internal sealed record Balloon
{
    // szInfoTitle and szInfo of NOTIFYICONDATAW, without their ends.
    private const int LongestTitle = 63;
    private const int LongestText = 255;

    public Balloon(BalloonKind kind, string title, string text) =>
        (Kind, Title, Text) = (kind, TrayStatus.Cut(title, LongestTitle), TrayStatus.Cut(text, LongestText));

    public BalloonKind Kind { get; }

    /// <summary>At most 63 characters.</summary>
    public string Title { get; }

    /// <summary>At most 255 characters.</summary>
    public string Text { get; }
}
