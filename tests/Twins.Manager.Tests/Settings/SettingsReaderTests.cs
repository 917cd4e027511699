using Twins.Manager.Settings;

namespace Twins.Manager.Tests.Settings;

[TestClass]
public sealed class SettingsReaderTests
{
    private static readonly Dictionary<string, string> NoEnvironment = [];

    [TestMethod]
    public void WithoutAnySource_TheDefaultsHold()
    {
        var options = WithFile("{}");
        Assert.AreEqual(7457, options.ApiPort);
        Assert.AreEqual(7458, options.JoinPort);
        Assert.AreEqual(61000, options.FirstRedirectPort);
        Assert.AreEqual(16777216, options.HoldLimitBytes);
        Assert.AreEqual("/run/twins/twinsd.sock", options.LocalSocketPath);
        Assert.AreEqual("/var/lib/twins/table.db", options.TablePath);
        Assert.AreEqual(TimeSpan.FromSeconds(10), options.CommitWait);
    }

    [TestMethod]
    public void CommandLine_WinsOverEnvironment_WhichWinsOverTheFile()
    {
        var options = WithFile(
            """{ "apiPort": 1001, "readyTwins": 5, "commitWait": "2min", "nodeName": "a", /* why not */ "backlogDrain": "250ms" }""",
            new() { ["TWINS_API_PORT"] = "1002", ["TWINS_NODE_NAME"] = "b", ["TWINS_SOMETHING_ELSE"] = "x", ["PATH"] = "y" },
            "--node-name", "c", "--state-directory=/srv/twins");
        Assert.AreEqual(1002, options.ApiPort);
        Assert.AreEqual(5, options.ReadyTwins);
        Assert.AreEqual("c", options.NodeName);
        Assert.AreEqual(TimeSpan.FromMinutes(2), options.CommitWait);
        Assert.AreEqual(TimeSpan.FromMilliseconds(250), options.BacklogDrain);
        Assert.AreEqual("/srv/twins/cluster", options.ClusterDirectory);
    }

    [TestMethod]
    public void EachSetting_IsDescribedWithItsSource()
    {
        var options = WithFile("""{ "apiPort": 1001, "readyTwins": 5 }""", new() { ["TWINS_API_PORT"] = "1002", ["TWINS_COMMIT_WAIT"] = "2min" }, "--node-name", "c");
        var settings = SettingsReader.Describe(options).ToDictionary(setting => setting.Key);
        Assert.AreEqual(("1002", "7457", "1 to 65534"), (settings["apiPort"].Value, settings["apiPort"].Default, settings["apiPort"].Allowed));
        Assert.AreEqual(("120s", "10s"), (settings["commitWait"].Value, settings["commitWait"].Default));
        Assert.AreEqual("TWINS_API_PORT", options.Sources["ApiPort"]);
        Assert.AreEqual("TWINS_COMMIT_WAIT", options.Sources["CommitWait"]);
        Assert.AreEqual("--node-name", options.Sources["NodeName"]);
        StringAssert.StartsWith(options.Sources["ReadyTwins"], Path.GetTempPath(), StringComparison.Ordinal);
        Assert.IsFalse(options.Sources.ContainsKey("Linger"));
    }

    [TestMethod]
    public void AdminPort_ThatIsAnotherOnes_IsRefused()
    {
        var thrown = Assert.ThrowsExactly<SettingsException>(() => WithFile("""{ "adminPort": 7458, "adminPage": "off" }"""));
        Assert.AreEqual("adminPort is '7458'; allowed: neither 7457 nor 7458, and outside of the redirect range 61000-65535.", thrown.Faults.Single().ToString());
        thrown = Assert.ThrowsExactly<SettingsException>(() => WithFile("""{ "adminPage": "sometimes", "adminUser": "a b" }"""));
        CollectionAssert.AreEquivalent(
            new[] { "adminPage is 'sometimes'; allowed: off, on-demand or always.", "adminUser is 'a b'; allowed: the name of a user of this machine." },
            thrown.Faults.Select(fault => fault.ToString()).ToArray());
    }

    [TestMethod]
    public void AllFaults_AreToldAtOnce_WithKeyValueAndRange()
    {
        var thrown = Assert.ThrowsExactly<SettingsException>(() => WithFile(
            """{ "apiPort": 70000, "commitWait": "10", "runDirectory": "", "nodeName": "Höhe", "colour": "blue", "holdLimitBytes": 1e99 }""",
            new() { ["TWINS_READY_TWINS"] = "many" },
            "--processes-per-twin", "0", "--criu-path", "criu", "--frobnicate", "1"));
        CollectionAssert.AreEquivalent(
            new[]
            {
                "apiPort is '70000'; allowed: 1 to 65534.",
                "commitWait is '10'; allowed: 1s to 5min (written 500ms, 10s, 2min).",
                "runDirectory is ''; allowed: an absolute path.",
                "nodeName is 'Höhe'; allowed: 1 to 63 of a-z, 0-9, '-' and '.', first and last a letter or digit.",
                "holdLimitBytes is '1e99'; allowed: 65536 to 1073741824.",
                "TWINS_READY_TWINS is 'many'; allowed: 0 to 64.",
                "--processes-per-twin is '0'; allowed: 1 to 1024.",
                "--criu-path is 'criu'; allowed: an absolute path.",
            },
            thrown.Faults.Select(fault => fault.ToString()).Where(text => !text.Contains("colour", StringComparison.Ordinal) && !text.Contains("frobnicate", StringComparison.Ordinal)).ToArray());
        Assert.HasCount(10, thrown.Faults);
        StringAssert.Contains(thrown.Message, "colour is 'blue'; allowed: one of the keys address, adminPage, adminPath, adminPort, adminUser, apiPort, backlogDrain,", StringComparison.Ordinal);
    }

    [TestMethod]
    [DataRow("{ \"firstRedirectPort\": 62000, \"lastRedirectPort\": 61999 }", "firstRedirectPort is '62000'; allowed: 1024 to lastRedirectPort, 61999.")]
    [DataRow("{ \"apiPort\": 60999 }", "apiPort is '60999'; allowed: outside of the redirect range 61000-65535, and so the port after it.")]
    [DataRow("{ \"address\": \"home\" }", "address is 'home'; allowed: an IP address, or empty.")]
    public void SettingsThatDoNotGoTogether_AreAFault(string json, string expected) =>
        Assert.AreEqual(expected, Assert.ThrowsExactly<SettingsException>(() => WithFile(json)).Faults.Single().ToString());

    [TestMethod]
    [DataRow("{ \"apiPort\": ")]
    [DataRow("[]")]
    [DataRow("")]
    public void FileThatIsNoJsonObject_IsAFaultThatNamesIt(string json) =>
        Assert.AreEqual("--config", Assert.ThrowsExactly<SettingsException>(() => WithFile(json)).Faults.Single().Key);

    [TestMethod]
    public void FileThatWasAskedForAndIsMissing_IsAFault() =>
        Assert.HasCount(1, Assert.ThrowsExactly<SettingsException>(() => SettingsReader.Read(["--config", "/no/such/file"], NoEnvironment)).Faults);

    private static TwinsdOptions WithFile(string json, Dictionary<string, string>? environment = null, params string[] arguments)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, json);
            return SettingsReader.Read(["--config", file, .. arguments], environment ?? NoEnvironment);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
