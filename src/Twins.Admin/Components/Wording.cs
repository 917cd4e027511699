using System.Globalization;
using MudBlazor;

namespace Twins.Admin.Components;

/// <summary>Figures and states as people read them.</summary>
internal static class Wording
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB"];

    public static string Bytes(double bytes)
    {
        var unit = 0;
        for (; bytes >= 1024 && unit < Units.Length - 1; unit++)
            bytes /= 1024;
        return $"{Number(bytes)} {Units[unit]}";
    }

    public static string Rate(double bytesPerSecond) => Bytes(bytesPerSecond) + "/s";

    public static string Number(double value) => value.ToString(value is >= 100 or 0 || value == Math.Floor(value) ? "N0" : "N1", CultureInfo.InvariantCulture);

    public static string Milliseconds(double milliseconds) => $"{milliseconds.ToString(milliseconds < 10 ? "0.0" : "N0", CultureInfo.InvariantCulture)} ms";

    /// <summary>Time of day, as UTC: the page's program doesn't know the visitor's zone.</summary>
    public static string Time(long unixMilliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(unixMilliseconds).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    public static Color ColorOf(string state) => state switch
    {
        "running" or "ok" or "done" or "committed" => Color.Success,
        "migrating" or "held" or "warning" or "begun" => Color.Warning,
        "in-doubt" or "failed" or "refused" or "rolled-back" => Color.Error,
        _ => Color.Default,
    };

    public static string IconOf(string outcome) => outcome switch
    {
        "ok" => Icons.Material.Filled.CheckCircle,
        "warning" => Icons.Material.Filled.Info,
        _ => Icons.Material.Filled.Error,
    };

    /// <summary>The steps of a migration, in order.</summary>
    public static IReadOnlyList<string> Phases { get; } = ["preflight", "prepare", "hold", "checkpoint", "transfer", "restore", "commit", "release"];
}
