using System.ComponentModel.DataAnnotations;

namespace Twins.Manager.Settings;

/// <summary>The least and the most that a duration may be, both written as in settings (<see cref="Duration"/>).</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class DurationRangeAttribute(string minimum, string maximum) : ValidationAttribute
{
    public string Minimum { get; } = minimum;

    public string Maximum { get; } = maximum;

    public override bool IsValid(object? value) => value is TimeSpan duration && duration >= Parse(Minimum) && duration <= Parse(Maximum);

    private static TimeSpan Parse(string text) =>
        Duration.TryParse(text, out var duration) ? duration : throw new FormatException($"'{text}' is no duration.");
}
