namespace Twins.Manager.Migration;

/// <summary>A step of a migration failed. The message names cause and remedy.</summary>
internal sealed class StepException(string step, string code, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>One of <see cref="MigrationSteps"/>.</summary>
    public string Step { get; } = step;

    /// <summary>Stable, kebab-case.</summary>
    public string Code { get; } = code;
}
