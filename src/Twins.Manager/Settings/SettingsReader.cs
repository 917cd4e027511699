using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Net;
using System.Reflection;
using System.Text.Json;
using Twins.Manager.Settings.Windows;

namespace Twins.Manager.Settings;

/// <summary>
/// Reads <see cref="TwinsdOptions"/> from the file, the environment and the command line, the later winning, and checks
/// them against the bounds beside the properties. All faults are told at once.
/// </summary>
internal static class SettingsReader
{
    private const string EnvironmentPrefix = "TWINS_";

    private static readonly Dictionary<string, PropertyInfo> Properties = typeof(TwinsdOptions)
        .GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .ToDictionary(property => property.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads the settings of a program started with these arguments; <c>--config PATH</c> names another file.</summary>
    /// <exception cref="SettingsException">A setting is unknown, malformed or out of its bounds.</exception>
    public static TwinsdOptions Read(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var faults = new List<SettingFault>();
        var given = new Dictionary<PropertyInfo, (string Key, string Value)>();
        var file = DefaultPaths.SettingsFile;
        var onCommandLine = ReadArguments(arguments, faults, ref file, out var explicitFile);
        ReadFile(file, explicitFile, given, faults);
        var sources = given.Keys.ToDictionary(property => property.Name, _ => file);
        foreach (var (name, value) in environment)
        {
            // Variables that aren't settings are other programs' (the hook has some), so they are no fault.
            if (name.StartsWith(EnvironmentPrefix, StringComparison.Ordinal) && Find(name[EnvironmentPrefix.Length..], '_') is { } property)
                (given[property], sources[property.Name]) = ((name, value), name);
        }

        foreach (var (property, setting) in onCommandLine)
            (given[property], sources[property.Name]) = (setting, setting.Key);

        var options = new TwinsdOptions { Sources = sources };
        foreach (var (property, (key, value)) in given)
            Apply(options, property, key, value, faults);
        if (faults.Count == 0)
            CheckTogether(options, faults);
        return faults.Count == 0 ? options : throw new SettingsException(faults);
    }

    /// <summary>Every setting as it is, for people: key, value, default, what is allowed, and the name of the property.</summary>
    public static IEnumerable<(string Key, string Value, string Default, string Allowed, string Property)> Describe(TwinsdOptions options)
    {
        var defaults = new TwinsdOptions();
        return Properties.Values.Select(property => (KeyOf(property.Name), Text(property, options), Text(property, defaults), Allowed(property), property.Name))
            .OrderBy(setting => setting.Item1, StringComparer.Ordinal);
    }

    private static string Text(PropertyInfo property, TwinsdOptions options) => property.GetValue(options) switch
    {
        TimeSpan duration => duration.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture) + "s",
        var value => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    private static Dictionary<PropertyInfo, (string Key, string Value)> ReadArguments(
        IReadOnlyList<string> arguments, List<SettingFault> faults, ref string file, out bool explicitFile)
    {
        explicitFile = false;
        var given = new Dictionary<PropertyInfo, (string Key, string Value)>();
        for (var index = 0; index < arguments.Count; index++)
        {
            var argument = arguments[index];
            var equals = argument.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? argument : argument[..equals];
            var value = equals >= 0 ? argument[(equals + 1)..] : index + 1 < arguments.Count ? arguments[++index] : null;
            if (key == "--config" && value is not null)
                (file, explicitFile) = (value, true);
            else if (!key.StartsWith("--", StringComparison.Ordinal) || Find(key[2..], '-') is not { } property)
                faults.Add(new SettingFault(key, value ?? "", "--config PATH or --KEY VALUE with one of the keys " + Keys()));
            else if (value is null)
                faults.Add(new SettingFault(key, "", "a value after it"));
            else
                given[property] = (key, value);
        }

        return given;
    }

    private static void ReadFile(
        string file, bool required, Dictionary<PropertyInfo, (string Key, string Value)> given, List<SettingFault> faults)
    {
        if (!required && !File.Exists(file))
            return;
        try
        {
            // Whoever writes it decides what is started as the user of twinsd. On Windows any user could have made its directory.
            if (!required && OperatingSystem.IsWindows())
                OwnDirectory.CheckFile(file);
            using var document = JsonDocument.Parse(
                File.ReadAllBytes(file), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new JsonException("no JSON object");
            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (Find(member.Name, separator: null) is { } property)
                    given[property] = (member.Name, member.Value.ToString());
                else
                    faults.Add(new SettingFault(member.Name, member.Value.ToString(), "one of the keys " + Keys()));
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            faults.Add(new SettingFault(required ? "--config" : "settings file", file, $"a readable file with one JSON object ({exception.Message})"));
        }
    }

    private static void Apply(TwinsdOptions options, PropertyInfo property, string key, string text, List<SettingFault> faults)
    {
        object? value = Type.GetTypeCode(property.PropertyType) switch
        {
            TypeCode.String => text,
            TypeCode.Int32 => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null,
            TypeCode.Int64 => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null,
            _ => Duration.TryParse(text, out var duration) ? duration : null,
        };
        if (value is null || property.GetCustomAttributes<ValidationAttribute>().Any(bound => !bound.IsValid(value)))
            faults.Add(new SettingFault(key, text, Allowed(property)));
        else
            property.SetValue(options, value);
    }

    private static void CheckTogether(TwinsdOptions options, List<SettingFault> faults)
    {
        if (options.Address.Length > 0 && !IPAddress.TryParse(options.Address, out _))
            faults.Add(new SettingFault("address", options.Address, "an IP address, or empty"));
        if (options.FirstRedirectPort > options.LastRedirectPort)
        {
            faults.Add(new SettingFault("firstRedirectPort", Text(options.FirstRedirectPort), $"1024 to lastRedirectPort, {options.LastRedirectPort}"));
            return;
        }

        if (OperatingSystem.IsWindows() && options.AdminUser is not (TwinsdOptions.LocalService or TwinsdOptions.OwnUser))
            faults.Add(new SettingFault("adminUser", options.AdminUser, AdminUsers));

        if (options.AdminPort == options.ApiPort || options.AdminPort == options.JoinPort || (options.AdminPort >= options.FirstRedirectPort && options.AdminPort <= options.LastRedirectPort))
            faults.Add(new SettingFault("adminPort", Text(options.AdminPort), $"neither {options.ApiPort} nor {options.JoinPort}, and outside of the redirect range {options.FirstRedirectPort}-{options.LastRedirectPort}"));

        // A connection to the API would be taken for a redirected one.
        if (options.JoinPort >= options.FirstRedirectPort && options.ApiPort <= options.LastRedirectPort)
            faults.Add(new SettingFault("apiPort", Text(options.ApiPort), $"outside of the redirect range {options.FirstRedirectPort}-{options.LastRedirectPort}, and so the port after it"));
    }

    private static string AdminUsers => OperatingSystem.IsWindows() ? $"{TwinsdOptions.LocalService} or {TwinsdOptions.OwnUser}" : "the name of a user of this machine";

    private static string Allowed(PropertyInfo property)
    {
        if (property.Name == nameof(TwinsdOptions.NodeName))
            return Cluster.NodeName.Allowed;
        if (property.Name == nameof(TwinsdOptions.AdminPage))
            return "off, on-demand or always";
        if (property.Name == nameof(TwinsdOptions.AdminUser))
            return AdminUsers;
        if (property.Name == nameof(TwinsdOptions.Address))
            return "an IP address, or empty";
        if (property.GetCustomAttribute<DurationRangeAttribute>() is { } durations)
            return $"{durations.Minimum} to {durations.Maximum} (written 500ms, 10s, 2min)";
        return property.GetCustomAttribute<RangeAttribute>() is { } range ? $"{range.Minimum} to {range.Maximum}" : "an absolute path";
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string KeyOf(string name) => char.ToLowerInvariant(name[0]) + name[1..];

    private static string Keys() => string.Join(", ", Properties.Keys.Select(KeyOf).Order(StringComparer.Ordinal));

    private static PropertyInfo? Find(string key, char? separator) => Properties.GetValueOrDefault(
        separator is { } character ? key.Replace(character.ToString(), "", StringComparison.Ordinal) : key);
}
