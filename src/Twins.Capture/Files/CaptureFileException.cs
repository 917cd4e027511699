namespace Twins.Capture;

/// <summary>A file that is no capture, or a broken one. The message says where and what.</summary>
public sealed class CaptureFileException(string message) : Exception(message);
