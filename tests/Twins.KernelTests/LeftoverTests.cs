using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>What crashes and other hands leave on a node: <c>twins doctor</c> finds it, and takes away what belongs to nothing.</summary>
[TestClass]
public sealed class LeftoverTests : FaultTest
{
    private static readonly string[] Made =
    [
        "cabin stray", "file /run/twins/cabins/torn", "1 packet rules", "process images /run/twins/images/m-gone", "trial of CRIU /run/twins/probe-1-gone",
        "twin at /run/twins/twins/7999.sock", "file /run/twins/twins/7998.sock", "CRIU, PID ",
    ];

    [TestMethod]
    public void Leftovers_AreFoundAndRemoved_AndWhatBelongsToAProcessStays()
    {
        StartServer();
        MoveTo(Host1);
        AssertNoneFound(Home);
        AssertNoneFound(Host1);
        MakeLeftovers(Home);
        // What is being made just now isn't taken for one.
        string[] found = Eventually.Reads(() => Leftovers(Home, "warning"), now => now.Length == Made.Length, "all are found");
        foreach (string made in Made)
            Assert.IsTrue(found.Any(detail => detail.StartsWith(made, StringComparison.Ordinal)), $"{made} among\n{string.Join('\n', found)}");
        string[] removed = Leftovers(Home, "ok", "--remove-leftovers");
        Assert.HasCount(Made.Length, removed, string.Join('\n', removed));
        Assert.IsTrue(removed.All(detail => detail.EndsWith(": removed", StringComparison.Ordinal)), string.Join('\n', removed));
        AssertNoneFound(Home);
        AssertNoneFound(Host1, "--remove-leftovers");
        AssertGoesOn();
        AssertDone();
    }

    /// <summary>Things made by hand where Twins keeps such, a twin that no twinsd knows, and CRIU whose parent has ended.</summary>
    private void MakeLeftovers(Machine node)
    {
        node.Shell("""
            mkdir -p /run/twins/cabins /run/twins/images/m-gone /run/twins/probe-1-gone
            touch /run/twins/cabins/stray
            unshare --net=/run/twins/cabins/stray true
            touch /run/twins/cabins/torn /run/twins/twins/7998.sock
            nft 'add element inet twins listeners4 { 6 . 10.77.0.2 . 7999 : 0x74571ce8 }'
            touch /run/twins/images/m-gone/pages-1.img
            """);
        Start(node, Path.Combine(Repository.Root, "build", "twin", "twin"), "--control", "/run/twins/twins/7999.sock", "--queue", "7999", "--linger", "2");
        Start(node, "python3", Repository.Rig("orphan.py"), CriuGate.Program, "swrk", "3").WaitFor("ready");
    }

    private static void AssertNoneFound(Machine node, params string[] options)
    {
        string[] found = Leftovers(node, "ok", options);
        Assert.AreEqual("nothing was left behind", string.Join('\n', found));
    }

    private static string[] Leftovers(Machine node, string outcome, params string[] options)
    {
        JsonElement checks = node.Twins(["doctor", .. options]).Document;
        return [.. checks.EnumerateArray()
            .Where(check => check.GetProperty("check").GetString() == "leftovers" && check.GetProperty("outcome").GetString() == outcome)
            .Select(check => check.GetProperty("detail").GetString()!)];
    }
}
