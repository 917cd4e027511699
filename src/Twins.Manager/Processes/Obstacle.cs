namespace Twins.Manager.Processes;

/// <summary>Something that keeps a process from moving, or that it loses when it moves.</summary>
/// <param name="Pid">The process that has it.</param>
/// <param name="IsFatal">A checkpoint would fail or the program would break; otherwise a person should merely know.</param>
/// <param name="Cause">What it is, a sentence without a full stop, e.g. <c>descriptor 7 is an io_uring</c>.</param>
/// <param name="Remedy">What to do about it, a sentence without a full stop.</param>
public sealed record Obstacle(int Pid, bool IsFatal, string Cause, string Remedy)
{
    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"process {Pid}: {Cause}; {Remedy}");
}
