using Microsoft.Playwright;
using Twins.KernelTests.Lab;
using static Microsoft.Playwright.Assertions;

namespace Twins.Admin.Tests;

/// <summary>What is shown, to whom it is shown on what screen, and what is refused at the door.</summary>
[TestClass]
public sealed class PageTests : AdminTest
{
    [TestMethod]
    public async Task EveryPage_IsFromThisMachineOnly_AndTheBrowserComplainsOfNothing()
    {
        (MobileProcess _, CheckedClient client) = StartServer();
        Visitor visitor = await LogInAsync(Home);
        foreach ((string path, string title) in new[] { ("/", "Overview"), ("/processes", "Table of Twins"), ("/settings", "Settings of twinsd"), ("/log", "Log of twinsd"), ("/audit", "Audit log") })
        {
            await visitor.GoAsync(path);
            await Expect(visitor.Page.Locator("h1")).ToHaveTextAsync(title);
        }

        await Expect(visitor.Page.Locator("#audit tbody tr").First).ToContainTextAsync("root");
        await visitor.OpenProcessAsync("echo");
        Assert.AreEqual("", string.Join('\n', visitor.Complaints));
        Assert.AreEqual("", string.Join('\n', visitor.Addresses.Where(a => !a.StartsWith("http://127.0.0.1:7459/", StringComparison.Ordinal) && !a.StartsWith("ws://127.0.0.1:7459/", StringComparison.Ordinal) && !a.StartsWith("data:", StringComparison.Ordinal))));
        Assert.Contains(a => a.StartsWith("ws://", StringComparison.Ordinal), visitor.Addresses, "it is live");
        client.Finish();
    }

    [TestMethod]
    public async Task Table_IsSearchedAndFiltered_AndShowsWhatComesAndGoes()
    {
        Visitor visitor = await LogInAsync(Home);
        await visitor.GoAsync("/processes");
        await Expect(visitor.Page.Locator("#processes")).ToContainTextAsync("No mobile processes.");
        MobileProcess sleeper = RunMobile(Home, "sleeper", "sleep", "1000");
        await Expect(visitor.Page.Locator("#processes tbody tr")).ToHaveCountAsync(1);
        RunMobile(Home, "other", "sleep", "1000");
        await Expect(visitor.Page.Locator("#processes tbody tr")).ToHaveCountAsync(2);
        await visitor.Page.Locator("#search").FillAsync("SLEEPER");
        await Expect(visitor.Page.Locator("#processes tbody tr")).ToHaveCountAsync(1);
        await visitor.Page.Locator("#search").FillAsync("nothing of that name");
        await Expect(visitor.Page.Locator("#processes")).ToContainTextAsync("Nothing matches.");
        await visitor.Page.Locator("#search").FillAsync("");
        await Expect(visitor.Page.Locator("#processes tbody tr")).ToHaveCountAsync(2);
        Home.Kill(sleeper.Pid);
        await Expect(visitor.Page.Locator("#processes tbody tr")).ToHaveCountAsync(1);
    }

    [TestMethod]
    public async Task NarrowScreen_ScrollsNothingSideways_AndDarkIsDark()
    {
        (MobileProcess _, CheckedClient client) = StartServer();
        Visitor visitor = await LogInAsync(Home, width: 400, height: 800, ColorScheme.Dark);
        foreach (string path in (string[])["/", "/processes", "/settings", "/log", "/audit"])
        {
            await visitor.GoAsync(path);
            await Expect(visitor.Page.Locator("h1")).ToBeVisibleAsync();
            int over = await visitor.Page.EvaluateAsync<int>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            Assert.IsLessThanOrEqualTo(0, over, $"{path} is {over} px too wide");
        }

        await visitor.OpenProcessAsync("echo");
        int wide = await visitor.Page.EvaluateAsync<int>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        Assert.IsLessThanOrEqualTo(0, wide);
        await visitor.GoAsync("/processes");
        await Expect(visitor.Page.Locator("#processes tbody tr")).ToHaveCountAsync(1);
        string background = await visitor.Page.EvaluateAsync<string>("getComputedStyle(document.querySelector('.mud-layout') ?? document.body).getPropertyValue('--mud-palette-background')");
        Assert.MatchesRegex("rgba?\\((\\d\\d?),", background, "dark");
        await visitor.PictureAsync("admin-narrow");
        client.Finish();
    }

    [TestMethod]
    public async Task Keyboard_IsEnoughToFindAndMoveAProcess()
    {
        (MobileProcess server, CheckedClient client) = StartServer();
        Visitor visitor = await LogInAsync(Home);
        await visitor.GoAsync("/processes");
        await Expect(visitor.Page.Locator("#processes tbody tr")).ToHaveCountAsync(1);
        await TabToAsync(visitor, "Move echo");
        await visitor.Page.Keyboard.PressAsync("Enter");
        await Expect(visitor.Page.GetByRole(AriaRole.Dialog)).ToBeVisibleAsync();
        // The dialog takes the keyboard a moment after it is seen.
        await Expect(visitor.Page.Locator("#processes button")).Not.ToBeFocusedAsync();
        await TabToAsync(visitor, "host1");
        await visitor.Page.Keyboard.PressAsync("Space");
        await Expect(visitor.Page.Locator("#preflight")).ToHaveAttributeAsync("data-outcome", "ok");
        await TabToAsync(visitor, "Move it to");
        string moved = await visitor.Page.EvaluateAsync<string>(Name);
        await visitor.Page.Keyboard.PressAsync("Enter");
        await Expect(visitor.Page.GetByRole(AriaRole.Dialog).Locator(".migration")).ToHaveAttributeAsync("data-outcome", "committed");
        server.Node = moved.Contains("host1", StringComparison.OrdinalIgnoreCase) ? Host1 : Host2;
        await visitor.Page.Keyboard.PressAsync("Escape");
        await Expect(visitor.Page.GetByRole(AriaRole.Dialog)).ToHaveCountAsync(0);
        AssertEverywhere(server, epoch: 2);
        await StaysWhereItIsAsync(visitor);
        client.Finish();
    }

    /// <summary>The keyboard stays on a button of a row, while the row's values change.</summary>
    private static async Task StaysWhereItIsAsync(Visitor visitor)
    {
        ILocator button = visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Move echo", Exact = true });
        ILocator rate = visitor.Page.Locator("#processes td[data-label='Rate']");
        await button.FocusAsync();
        for (int i = 0; i < 2; i++)
            await Expect(rate).Not.ToHaveTextAsync(await rate.InnerTextAsync());
        await Expect(button).ToBeFocusedAsync();
    }

    [TestMethod]
    public async Task TwinsdRestartsUnderAnOpenPage_ThePageIsLiveAgain_WithoutALogin()
    {
        Visitor visitor = await LogInAsync(Home);
        await visitor.GoAsync("/processes");
        await Expect(visitor.Page.Locator("#processes")).ToContainTextAsync("No mobile processes.");
        int old = Home.PidsOf("twinsd").Single();
        Home.Kill(old);
        Eventually.Holds(() => Home.PidsOf("twinsd") is [int now] && now != old && Home.Twins("ls").ExitCode == 0, "twinsd is back");
        MobileProcess late = RunMobile(Home, "late", "sleep", "1000");
        // Blazor tries again by itself, and reloads when the server is a new one.
        await Expect(visitor.Page.Locator("#processes tbody tr")).ToHaveCountAsync(1, new() { Timeout = 90_000 });
        await Expect(visitor.Page.Locator("#processes")).ToContainTextAsync(late.Name);
        await Expect(visitor.Page.Locator("#visitor")).ToHaveTextAsync("root (admin)");
        await Expect(visitor.Page.Locator("#problem")).ToHaveCountAsync(0);
    }

    [TestMethod]
    public async Task OtherSites_AreRefused()
    {
        Visitor visitor = await LogInAsync(Home);
        string cookie = "twins-session=" + (await visitor.Page.Context.CookiesAsync()).Single(c => c.Name == "twins-session").Value;
        Assert.AreEqual("200", Status("-H", "Cookie: " + cookie, "http://127.0.0.1:7459/"));
        Assert.AreEqual("401", Status("http://127.0.0.1:7459/"));
        Assert.AreEqual("401", Status("-H", "Cookie: twins-session=guessed", "http://127.0.0.1:7459/"));
        Assert.AreEqual("400", Status("-H", "Cookie: " + cookie, "-H", "Host: twins.example:7459", "http://127.0.0.1:7459/"), "a name that an attacker lets point here");
        string[] upgrade = ["--http1.1", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "-H", "Cookie: " + cookie];
        Assert.AreEqual("403", Status([.. upgrade, "-H", "Origin: http://evil.example", "http://127.0.0.1:7459/_blazor"]));
        Assert.AreEqual("403", Status([.. upgrade, "-H", "Origin: http://127.0.0.1:8080", "http://127.0.0.1:7459/_blazor"]), "another program's port");
        Assert.AreEqual("403", Status([.. upgrade, "http://127.0.0.1:7459/_blazor"]));
        Assert.AreEqual("403", Status("-X", "POST", "-H", "Cookie: " + cookie, "-H", "Origin: http://evil.example", "http://127.0.0.1:7459/_blazor/negotiate?negotiateVersion=1"));
        Assert.AreEqual("401", Status("-X", "POST", "-H", "Origin: http://127.0.0.1:7459", "http://127.0.0.1:7459/_blazor/negotiate?negotiateVersion=1"), "nobody without a login");

        string login = Visitor.LoginOf(Home);
        Assert.AreEqual("403", Status("-H", "Sec-Fetch-Site: cross-site", login), "a link on another site");
        Assert.AreEqual("302", Status("-H", "Sec-Fetch-Site: none", login), "it wasn't used up");

        string headers = Home.Shell($"curl -s -o /dev/null -D - -H 'Cookie: {cookie}' http://127.0.0.1:7459/");
        StringAssert.Contains(headers, "default-src 'none'; script-src 'self';", StringComparison.Ordinal);
        StringAssert.Contains(headers, "frame-ancestors 'none'", StringComparison.Ordinal);
        StringAssert.Contains(headers, "Referrer-Policy: no-referrer", StringComparison.Ordinal);
        StringAssert.Contains(headers, "no-store", StringComparison.Ordinal);
        // Loopback only.
        Assert.AreNotEqual(0, Peer.Exec("curl", "-s", "--max-time", "5", "http://10.77.0.2:7459/healthz").ExitCode);
    }

    [TestMethod]
    public async Task MetricsAndHealth_NeedNoLogin_AndCountWhatIsThere()
    {
        (MobileProcess server, CheckedClient client) = StartServer();
        Visitor.LoginOf(Home);
        int before = Committed(Home.Shell("curl -sf http://127.0.0.1:7459/metrics"));
        server.MigrateTo(Host1);
        client.AssertGoesOn();
        Assert.AreEqual("ok\n", Home.Shell("curl -sf http://127.0.0.1:7459/healthz"));
        Assert.AreEqual("ok\n", Home.Shell("curl -sf http://127.0.0.1:7459/readyz"));
        string metrics = Home.Shell("curl -sf http://127.0.0.1:7459/metrics");
        Assert.MatchesRegex(@"(?m)^twins_up(\{[^}]*\})? 1", metrics);
        Assert.MatchesRegex(@"(?m)^twins_node_reachable\{[^}]*name=""host1""[^}]*\} 1", metrics);
        Assert.AreEqual(before + 1, Committed(metrics), metrics);
        Assert.MatchesRegex(@"(?m)^twins_migration_frozen_seconds_total(\{[^}]*\})? (0\.0*[1-9]|[1-9])", metrics);
        Assert.MatchesRegex(@"(?m)^twins_process_connections\{[^}]*process=""echo""[^}]*\} 4", metrics);
        Assert.MatchesRegex(@"(?m)^twins_redirected_packets_total\{[^}]*process=""echo""[^}]*runs_on=""host1""[^}]*\} [1-9]", metrics);
        Assert.DoesNotContain("10.77.0.1", metrics, "no addresses of peers");
        // Every metric that the dashboard asks for is there; drops have reasons, and there were none.
        string dashboard = File.ReadAllText(Path.Combine(Repository.Root, "docs", "grafana-dashboard.json"));
        foreach (string name in System.Text.RegularExpressions.Regex.Matches(dashboard, "twins_[a-z_]+").Select(m => m.Value).Distinct().Where(n => n != "twins_dropped_packets_total"))
            StringAssert.Contains(metrics, name, StringComparison.Ordinal);
        client.Finish();
        await Task.CompletedTask;
    }

    private static int Committed(string metrics) =>
        System.Text.RegularExpressions.Regex.Match(metrics, @"(?m)^twins_migrations_total\{[^}]*outcome=""committed""[^}]*\} (\d+)") is { Success: true } found
            ? int.Parse(found.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) : 0;

    private const string Name = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText ?? ''";

    private static string Status(params string[] arguments) => Home.Exec(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10", .. arguments]).Output;

    private static async Task TabToAsync(Visitor visitor, string name)
    {
        var met = new List<string>();
        for (int step = 0; step < 60; step++)
        {
            await visitor.Page.Keyboard.PressAsync("Tab");
            string here = await visitor.Page.EvaluateAsync<string>("document.activeElement.type === 'radio' ? document.activeElement.closest('label').innerText : " + Name);
            met.Add(here);
            if (here.StartsWith(name, StringComparison.OrdinalIgnoreCase))
                return;
        }

        Assert.Fail($"'{name}' isn't reached with the tabulator: {string.Join(" | ", met)}");
    }
}
