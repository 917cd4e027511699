namespace Twins.Table;

/// <summary>A step of a migration that has ended.</summary>
/// <param name="Name">Such as <c>transfer</c>.</param>
/// <param name="Duration">How long it took, all its tries together.</param>
public sealed record MigrationStep(string Name, TimeSpan Duration);
