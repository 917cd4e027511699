namespace Twins.Manager.Settings;

/// <summary>Where things are unless a setting says otherwise.</summary>
internal static class DefaultPaths
{
    /// <summary>Windows: the one directory of everything, <c>%ProgramData%\Twins</c>.</summary>
    private static readonly string ProgramData = OperatingSystem.IsWindows()
        ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData, Environment.SpecialFolderOption.DoNotVerify), "Twins")
        : "";

    public static string SettingsFile { get; } = OperatingSystem.IsWindows() ? Path.Combine(ProgramData, "twinsd.json") : "/etc/twins/twinsd.json";

    public static string RunDirectory { get; } = OperatingSystem.IsWindows() ? Path.Combine(ProgramData, "run") : "/run/twins";

    public static string StateDirectory { get; } = OperatingSystem.IsWindows() ? ProgramData : "/var/lib/twins";
}
