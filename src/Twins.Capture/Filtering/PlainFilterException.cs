namespace Twins.Capture;

/// <summary>A text is no filter that is understood here; the message says what is.</summary>
public sealed class PlainFilterException(string message) : Exception(message);
