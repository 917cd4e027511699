using Microsoft.Playwright;
using Twins.KernelTests.Lab;
using static Microsoft.Playwright.Assertions;

namespace Twins.Admin.Tests;

/// <summary>When the page's program runs, and what is said when it can't.</summary>
[TestClass]
public sealed class SettingsTests : AdminTest
{
    [TestMethod]
    public async Task Always_ServesMetricsBeforeAnyLogin_AndOffServesNothing()
    {
        try
        {
            Configure(Host1, """{ "adminPage": "always", "readyTwins": 3 }""");
            Eventually.Holds(() => Host1.Exec("curl", "-sf", "http://127.0.0.1:7459/metrics").Output.Contains("twins_up", StringComparison.Ordinal), "metrics are there");
            Visitor visitor = await LogInAsync(Host1);
            await visitor.GoAsync("/settings");
            ILocator ready = visitor.Page.Locator("#settings tbody tr", new() { HasText = "readyTwins" });
            await Expect(ready).ToContainTextAsync("/etc/twins/twinsd.json");
            await Expect(ready.Locator("td").Nth(1)).ToHaveTextAsync("3");
            await Expect(visitor.Page.Locator("#settings tbody tr", new() { HasText = "linger" }).Locator("td").Nth(2)).ToHaveTextAsync("TWINS_LINGER");

            // Somebody watches, and has to let go.
            Configure(Host1, """{ "adminPage": "off" }""");
            Host1.Twins("admin").Exits(1);
            StringAssert.Contains(Host1.Exec(Repository.Cli, "admin").Error, "The admin page is off: set adminPage to on-demand or always", StringComparison.Ordinal);
            Eventually.Holds(() => Host1.PidsOf("twins-admin").Count == 0, "the page's program is gone");
        }
        finally
        {
            Configure(Host1, "{}");
        }
    }

    [TestMethod]
    public void PortIsTaken_NobodyGetsALogin_AndTheMessageSaysSo()
    {
        BackgroundProgram other = Start(Host2, "python3", "-m", "http.server", "--bind", "127.0.0.1", "7459");
        WaitForListener(Host2, 7459);
        StringAssert.Contains(Host2.Twins("admin").Exits(1).Command.Error, "If it is the port 7459, set adminPort to another one.", StringComparison.Ordinal);
        StringAssert.Contains(File.ReadAllText(Host2.LogPath), "can't listen on 127.0.0.1:7459", StringComparison.Ordinal);
        other.Stop();
        StringAssert.StartsWith(Visitor.LoginOf(Host2), "http://127.0.0.1:7459/login?code=", StringComparison.Ordinal);
    }

    [TestMethod]
    public void PagesProgramIsKilled_ItIsStartedAgain_WhileSomebodyIsLoggedIn()
    {
        string login = Visitor.LoginOf(Home);
        Home.Shell($"curl -sf -o /dev/null '{login}'");
        int old = Home.PidsOf("twins-admin").Single();
        Home.Kill(old);
        Eventually.Holds(() => Home.PidsOf("twins-admin") is [int now] && now != old && Home.Exec("curl", "-sf", "http://127.0.0.1:7459/healthz").ExitCode == 0, "it is back");
    }
}
