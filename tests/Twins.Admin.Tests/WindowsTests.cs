using System.Text.Json;
using Microsoft.Playwright;
using Twins.KernelTests.Lab;
using static Microsoft.Playwright.Assertions;

namespace Twins.Admin.Tests;

/// <summary>The page of a Windows node, under Wine (tests/rigs/winnode); the browser is this system's, in the same network.</summary>
[TestClass]
[DoNotParallelize] // one Wine for all
public sealed class WindowsTests : AdminTest
{
    private WindowsNode? _node;

    [ClassInitialize]
    public static void Prepare(TestContext context) => WindowsNode.Prepare();

    [TestCleanup]
    public void EndNode()
    {
        if (TestContext.CurrentTestOutcome != UnitTestOutcome.Passed)
            TestContext.WriteLine("{0}", _node);
        _node?.Dispose();
    }

    [TestMethod]
    public async Task Page_OfAWindowsNode_ShowsItsProcess_HoldsAndReleasesIt_AndEndsWithTwinsd()
    {
        // Wine logs nobody else on: the program runs as twinsd's user without its rights, which has to be asked for.
        _node = WindowsNode.Start(Host2, "--admin-user", "twinsd");
        _node.GiveEnvironment();
        _node.Run("echo", WindowsNode.Program("echo.exe"), "7000");
        JsonElement login = _node.Twins("admin").Exits(0).Document;
        Assert.AreEqual("admin", login.GetProperty("role").GetString());
        Visitor visitor = await ComeAsync(Host2);
        await visitor.Page.GotoAsync(login.GetProperty("url").GetString()!);
        await Expect(visitor.Page.Locator("h1")).ToHaveTextAsync("Overview");
        await Expect(visitor.Page.Locator("#nodes tbody tr")).ToHaveCountAsync(1);
        await visitor.OpenProcessAsync("echo");
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Hold" }).ClickAsync();
        Eventually.Reads(() => _node.Show("echo"), shown => shown.GetProperty("state").GetString() == "held", "it is held");
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Release" }).ClickAsync();
        Eventually.Reads(() => _node.Show("echo"), shown => shown.GetProperty("state").GetString() == "running", "it runs");
        await visitor.GoAsync("/audit");
        await Expect(visitor.Page.Locator("#audit")).ToContainTextAsync("Release");
        await visitor.PictureAsync("admin-windows");
        Assert.IsEmpty(visitor.Addresses.Where(address => !address.Contains("//127.0.0.1:7459/", StringComparison.Ordinal)), "nothing from outside");

        // Without a word: its pipe and its job end with twinsd, and so it does; the new twinsd starts another for those who are logged in.
        int page = Host2.PidsOf(WindowsNode.AdminProgram).Single();
        _node.RestartDaemon();
        Eventually.Holds(() => Host2.PidsOf(WindowsNode.AdminProgram) is [int now] && now != page && Host2.Exec("curl", "-fsS", "http://127.0.0.1:7459/readyz").ExitCode == 0,
            "another page's program answers", TimeSpan.FromSeconds(60));
        await visitor.GoAsync("/processes");
        await Expect(visitor.Page.Locator("#processes tbody tr")).ToHaveCountAsync(1);
    }

    [TestMethod]
    public void NobodyElseCanBeLoggedOn_IsRefused_AndNeverRunWithMoreRights()
    {
        _node = WindowsNode.Start(Host2);
        JsonElement error = _node.Twins("admin").Exits(1).Document.GetProperty("error");
        Assert.AreEqual("failed-precondition", error.GetProperty("code").GetString());
        Assert.Contains("set adminUser to twinsd", error.GetProperty("message").GetString()!);
        Assert.IsEmpty(Host2.PidsOf(WindowsNode.AdminProgram));
    }
}
