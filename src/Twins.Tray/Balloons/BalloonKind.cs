namespace Twins.Tray.Balloons;

/// <summary>How much a balloon matters.</summary>
internal enum BalloonKind
{
    Information,
    Warning,
    Error,
}
