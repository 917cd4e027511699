namespace Twins.Capture;

/// <summary>A frame as it was captured, or read from a file.</summary>
/// <param name="Interface">Where.</param>
/// <param name="Nanoseconds">When, since 1970 (UTC).</param>
/// <param name="Octets">What was kept of it, link-layer header first.</param>
/// <param name="Length">Octets that it had.</param>
/// <param name="Direction">Whether it came to the machine or left it.</param>
/// <param name="Comment">What a file says about it; empty if nothing.</param>
public sealed record CapturedFrame(
    CaptureInterface Interface, long Nanoseconds, ReadOnlyMemory<byte> Octets, int Length, FrameDirection Direction = FrameDirection.Unknown, string Comment = "");
