namespace Twins.Manager.Checkpoint;

/// <summary>Whether criu really moves a connection on this machine.</summary>
/// <param name="Key">What the result holds for: boot, binary.</param>
/// <param name="Works">A process with a connection was dumped and restored, and the connection went on.</param>
/// <param name="Code">When it doesn't: one of <see cref="CheckpointCode"/>.</param>
/// <param name="Message">When it doesn't: cause and remedy.</param>
public sealed record CriuProbeResult(string Key, bool Works, string? Code, string? Message);
