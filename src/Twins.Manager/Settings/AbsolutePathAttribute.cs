using System.ComponentModel.DataAnnotations;

namespace Twins.Manager.Settings;

/// <summary>A path from the root on; on Windows from a drive on, so that it is of this machine.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class AbsolutePathAttribute : ValidationAttribute
{
    /// <summary>Whether an empty text will do, too.</summary>
    public bool OrEmpty { get; init; }

    public override bool IsValid(object? value) => value is string path && (path.Length == 0 ? OrEmpty
        : OperatingSystem.IsWindows() ? char.IsAsciiLetter(path[0]) && Path.IsPathFullyQualified(path) : path[0] == '/');
}
