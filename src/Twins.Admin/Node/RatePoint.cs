namespace Twins.Admin.Node;

/// <summary>How much passed a twin between two snapshots.</summary>
/// <param name="UnixMilliseconds">When.</param>
/// <param name="PacketsPerSecond">Redirected, both ways.</param>
/// <param name="BytesPerSecond">Of those.</param>
/// <param name="HeldBytes">Held at that moment.</param>
internal readonly record struct RatePoint(long UnixMilliseconds, double PacketsPerSecond, double BytesPerSecond, double HeldBytes);
