using Twins.Protocol;

namespace Twins.Cli.Tests;

[TestClass]
public sealed class AdminTests
{
    private const string Url = "http://127.0.0.1:7459/login?code=x";
    private const string Note = "twins: open this in a browser on this machine within a minute; it is good once, as admin\n";

    [TestMethod]
    [DataRow(true, Note)]
    [DataRow(false, Note + "twins: no browser could be opened with it; do that by hand\n")]
    public async Task WhereABrowserIsOpened_ItGetsTheLogin_WhichIsPrintedToo(bool opens, string said)
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Nothing());
        var opened = new List<string>();
        cli.OpenBrowser = address =>
        {
            opened.Add(address);
            return opens;
        };
        Assert.AreEqual(new CommandLineResult(0, Url + "\n", said), await cli.RunAsync("admin"));
        Assert.AreEqual(Url, opened.Single());
    }

    [TestMethod]
    [DataRow("--no-browser")]
    [DataRow("--json")]
    public async Task NoBrowser_AndJson_OpenNone(string option)
    {
        await using CommandLineFixture cli = await CommandLineFixture.WithServerAsync(new Nothing());
        cli.OpenBrowser = _ => throw new AssertFailedException("No browser was asked for.");
        CommandLineResult result = await cli.RunAsync("admin", option);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        Assert.Contains(Url, result.Output);
    }

    private sealed class Nothing : LocalApi.LocalApiBase;
}
