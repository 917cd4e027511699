using System.Text.Json;
using Microsoft.Playwright;
using Twins.KernelTests.Lab;
using static Microsoft.Playwright.Assertions;

namespace Twins.Admin.Tests;

/// <summary>Processes are moved from the page.</summary>
[TestClass]
public sealed class MigrationTests : AdminTest
{
    [TestMethod]
    public async Task MoveUnderLoad_ShowsPreflightStepsAndResult_AndNoConnectionEnds()
    {
        (MobileProcess server, CheckedClient client) = StartServer();
        Visitor visitor = await LogInAsync(Home);
        PeerCounters before = PeerCounters.Read(Peer);
        await visitor.AskToMoveAsync("echo", "host1");
        await Expect(visitor.Page.Locator("#preflight")).ToHaveAttributeAsync("data-outcome", "ok");
        await Expect(visitor.Page.Locator("#preflight")).ToContainTextAsync("node 'host1' can take it");
        await visitor.PictureAsync("admin-preflight");
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Move it to host1" }).ClickAsync();
        ILocator card = visitor.Page.GetByRole(AriaRole.Dialog).Locator(".migration");
        await Expect(card).ToHaveAttributeAsync("data-outcome", "committed");
        await Expect(card).ToContainTextAsync("It runs on host1. Frozen");
        string steps = await visitor.Page.Locator("#steps").InnerTextAsync();
        foreach (string step in (string[])["preflight", "prepare", "hold", "checkpoint", "transfer", "restore", "commit", "release"])
            Assert.MatchesRegex($@"{step}\s+[\d.,]+ ms", steps);
        await visitor.PictureAsync("admin-moved");
        server.Node = Host1;
        AssertEverywhere(server, epoch: 2);
        client.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));

        await visitor.OpenProcessAsync("echo");
        await Expect(visitor.Page.Locator("#facts")).ToContainTextAsync("relay: both ways through home");
        await Expect(visitor.Page.Locator("#history tbody tr")).ToHaveCountAsync(1);
        await Expect(visitor.Page.Locator("#history .bars span")).ToHaveCountAsync(8);
        // What is redirected is seen while it is: the client goes on.
        await Expect(visitor.Page.Locator("#counters")).ToContainTextAsync(new System.Text.RegularExpressions.Regex(@"Redirected\s*[1-9]"));
        await Expect(visitor.Page.Locator("#connections tbody tr")).ToHaveCountAsync(5);
        // A line with a few points; a picture is worth more of them.
        await visitor.Page.WaitForFunctionAsync(
            "points => document.querySelector('.chart .line')?.getAttribute('points').split(' ').length >= points", Environment.GetEnvironmentVariable("TWINS_SCREENSHOTS") is null ? 3 : 25);
        await visitor.PictureAsync("admin-process");
        await visitor.GoAsync("/");
        await Expect(visitor.Page.Locator("svg.picture .path.moved")).ToHaveCountAsync(1);
        await Expect(visitor.Page.Locator("svg.picture text.faint", new() { HasText = "echo: relay" })).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"echo: relay, [1-9][\d.,]* (B|KiB|MiB)/s"));
        await visitor.PictureAsync("admin-overview");

        JsonElement audit = ReadAudit(Home).Last(line => line.GetProperty("What").GetString() == "Migrate");
        Assert.AreEqual("root page echo to host1 done", $"{audit.GetProperty("Who")} {audit.GetProperty("Via")} {audit.GetProperty("Subject")} {audit.GetProperty("Outcome")}");
        client.Finish();
    }

    [TestMethod]
    public async Task MoveThatPreflightRefuses_CantBeBegun_AndSaysWhy()
    {
        Home.Shell("echo here >/tmp/missing.txt");
        RunMobile(Home, "reader", "tail", "-f", "/tmp/missing.txt");
        Visitor visitor = await LogInAsync(Home);
        await visitor.AskToMoveAsync("reader", "host1");
        await Expect(visitor.Page.Locator("#preflight")).ToHaveAttributeAsync("data-outcome", "failed");
        await Expect(visitor.Page.Locator("#preflight")).ToContainTextAsync("it lacks the file /tmp/missing.txt, which the process has open. Install or copy it there.");
        await Expect(visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Move it to host1" })).ToBeDisabledAsync();
        await visitor.PictureAsync("admin-refused");
    }

    [TestMethod]
    public async Task MoveThatFails_IsToldPlainly_AndTheProcessRunsOnAtHome()
    {
        (MobileProcess server, CheckedClient client) = StartServer();
        Visitor visitor = await LogInAsync(Home);
        await visitor.AskToMoveAsync("echo", "host1");
        await Expect(visitor.Page.Locator("#preflight")).ToHaveAttributeAsync("data-outcome", "ok");
        using (LinkCut.Now(Host1))
        {
            await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Move it to host1" }).ClickAsync();
            ILocator card = visitor.Page.GetByRole(AriaRole.Dialog).Locator(".migration");
            await Expect(card).ToHaveAttributeAsync("data-outcome", "rolled-back");
            await Expect(card).ToContainTextAsync("Rolled back: echo still runs on home, with its connections.");
            await Expect(card).ToContainTextAsync("The step prepare failed: Node 'host1' didn't answer");
            await visitor.PictureAsync("admin-rolled-back");
        }

        Assert.IsTrue(Home.Runs(server.Pid));
        client.AssertGoesOn();
        await visitor.OpenProcessAsync("echo");
        await Expect(visitor.Page.Locator("#history tbody tr")).ToContainTextAsync("rolled-back");
        JsonElement audit = ReadAudit(Home).Last(line => line.GetProperty("What").GetString() == "Migrate");
        Assert.AreEqual("rolled-back", audit.GetProperty("Outcome").GetString());
        StringAssert.Contains(audit.GetProperty("Detail").GetString(), "prepare: Node 'host1' didn't answer", StringComparison.Ordinal);
        client.Finish();
    }

    [TestMethod]
    public async Task TwoVisitors_SeeTheSameMigration_AndAGuestCanBeMovedFromHome()
    {
        (MobileProcess server, CheckedClient client) = StartServer();
        Visitor first = await LogInAsync(Home), second = await LogInAsync(Home);
        await second.OpenProcessAsync("echo");
        await first.AskToMoveAsync("echo", "host1");
        await first.Page.GetByRole(AriaRole.Button, new() { Name = "Move it to host1" }).ClickAsync();
        await Expect(second.Page.Locator("#facts tr", new() { HasText = "Runs on" })).ToContainTextAsync("host1");
        await Expect(second.Page.Locator("#history tbody tr")).ToHaveCountAsync(1);
        // The first one goes while the second moves it on: home asks the node that runs it.
        await first.Page.CloseAsync();
        await second.AskToMoveAsync("echo", "host2");
        await second.Page.GetByRole(AriaRole.Button, new() { Name = "Move it to host2" }).ClickAsync();
        await Expect(second.Page.GetByRole(AriaRole.Dialog).Locator(".migration")).ToHaveAttributeAsync("data-outcome", "committed");
        server.Node = Host2;
        AssertEverywhere(server, epoch: 3);
        await second.OpenProcessAsync("echo");
        await Expect(second.Page.Locator("#history tbody tr")).ToHaveCountAsync(2);
        await Expect(second.Page.Locator("#history tbody tr").First).ToContainTextAsync("host1host2");
        client.AssertGoesOn();
        client.Finish();
    }

    [TestMethod]
    public async Task PageIsClosedDuringAMove_TheMoveGoesOn()
    {
        (MobileProcess server, CheckedClient client) = StartServer();
        Visitor visitor = await LogInAsync(Home);
        await visitor.AskToMoveAsync("echo", "host1");
        CriuGate.Close(Home);
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Move it to host1" }).ClickAsync();
        await Expect(visitor.Page.GetByRole(AriaRole.Dialog).Locator(".migration")).ToHaveAttributeAsync("data-outcome", "under-way");
        await visitor.Page.CloseAsync();
        CriuGate.Open(Home);
        Eventually.Holds(() => Host1.Runs(server.Pid) && Home.Find("echo")?.GetProperty("node").GetString() == "host1", "it runs on host1");
        server.Node = Host1;
        client.AssertGoesOn();
        client.Finish();
    }

    private static IEnumerable<JsonElement> ReadAudit(Machine node) =>
        node.Shell("cat /var/lib/twins/audit.log").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement);
}
