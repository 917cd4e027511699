using Twins.Manager.Admin;
using Twins.Manager.Hooks.Windows;
using Twins.Manager.Registry;
using Twins.Manager.Settings;

namespace Twins.Manager.Windows.Tests.Admin;

[TestClass]
public sealed class WindowsChecksTests
{
    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public async Task EveryCheck_SaysSomething_AndNoneEndsTheOthers()
    {
        var options = new TwinsdOptions { TwinPath = Path.Combine(WinDivertFolder.Fetched, "twin.exe") };
        var rows = new List<(string Check, Finding Finding)>();
        await new WindowsChecks(options, new TwinPaths(options), new SocketWatchState()).AddAsync(
            (check, outcome, detail, remedy) => rows.Add((check, new Finding(outcome, detail, remedy))), TestContext.CancellationToken);
        foreach (var (check, finding) in rows)
            TestContext.WriteLine($"{check}: {finding}");

        CollectionAssert.AreEqual(
            new[] { "rights", "windivert-files", "windivert-signature", "windivert-service", "socket-events", "secure-boot", "hvci", "conflicting-products", "redirect-ports" },
            rows.Select(row => row.Check).ToArray());
        Assert.IsTrue(rows.All(row => row.Finding.Detail.Length > 0 && row.Finding.Outcome is "ok" or "warning" or "failed"));
        Assert.IsTrue(rows.All(row => row.Finding.Outcome == "ok" == (row.Finding.Remedy.Length == 0)));
    }
}
