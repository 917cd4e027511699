using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using Twins.Manager.Settings;
using Twins.Tests;

namespace Twins.Manager.Tests.Settings;

/// <summary>docs/settings.md, which is twinsd.json(5), too, says what <see cref="TwinsdOptions"/> does.</summary>
[TestClass]
public sealed partial class SettingsPageTests
{
    private const string Introduction = """
        <!-- Made of src/Twins.Manager/Settings/TwinsdOptions.cs by scripts/write-docs.sh: changes here are lost. -->
        # Settings of twinsd

        `twinsd` reads `/etc/twins/twinsd.json`, on Windows `%ProgramData%\Twins\twinsd.json`, or the file that `--config PATH` names; then the environment; then its command line. The later wins. It reads them when it starts: after a change, `systemctl restart twinsd`, on Windows `twins service stop` and `start`; nothing that is held or redirected ends by that.

        The file has one JSON object; comments are allowed:

        ```
        {
          // Metrics at any time.
          "adminPage": "always",
          "holdLimitBytes": 67108864
        }
        ```

        Durations are written `500ms`, `10s`, `2min` or `hh:mm:ss`. If a setting is unknown, malformed or out of its bounds, `twinsd` doesn't start: it names all of them and what is allowed, exit code 10. The admin page shows every setting with where it comes from.

        """;

    [TestMethod]
    public void Page_HasEachSettingAsItIs() => GeneratedPage.Check("settings.md", _ => Make());

    [TestMethod]
    public void EachSetting_HasAMeaning()
    {
        var without = Settings().Where(setting => setting.GetCustomAttribute<SettingAttribute>() is null).Select(setting => setting.Name);
        Assert.AreEqual("", string.Join(", ", without), "Give it the attribute [Setting(\"...\")].");
    }

    [TestMethod]
    public void DefaultInWords_StandsWhereTheValueSaysNothing()
    {
        var bare = Describe().Where(setting => setting.Default.Length == 0 && Attribute(setting.Property).Default is null).Select(setting => setting.Key);
        Assert.AreEqual("", string.Join(", ", bare));
    }

    private static string Make()
    {
        var page = new StringBuilder(Introduction);
        var described = Describe().ToDictionary(setting => setting.Property);
        foreach (var setting in Settings().Select(property => described[property.Name]))
        {
            var meaning = Attribute(setting.Property);
            var words = WordStart().Replace(setting.Property, "-$0").ToLowerInvariant();
            page.Append('\n').Append($"## `{setting.Key}`\n\n{meaning.Meaning}\n\n")
                .Append($"Default: {meaning.Default ?? $"`{setting.Default}`"}. Allowed: {setting.Allowed}. Also `--{words}`, `TWINS_{words.ToUpperInvariant().Replace('-', '_')}`.\n");
        }

        return page.ToString();
    }

    private static IEnumerable<(string Key, string Value, string Default, string Allowed, string Property)> Describe() => SettingsReader.Describe(new TwinsdOptions());

    private static PropertyInfo[] Settings() => typeof(TwinsdOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance);

    private static SettingAttribute Attribute(string property) =>
        typeof(TwinsdOptions).GetProperty(property)!.GetCustomAttribute<SettingAttribute>() ?? new SettingAttribute("");

    [GeneratedRegex("(?<!^)[A-Z]")]
    private static partial Regex WordStart();
}
