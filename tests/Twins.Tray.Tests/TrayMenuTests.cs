using Twins.Tray.Menu;
using Twins.Tray.Node;
using static Twins.Tray.Tests.Snapshots;

namespace Twins.Tray.Tests;

[TestClass]
public sealed class TrayMenuTests
{
    [TestMethod]
    public void ConnectedNode_ShowsItsProcessesAndAllCommands() => Assert.AreEqual(
        """
        0   - Twins on home: 4 mobile processes
        0     ----
        100   echo is in doubt, 0 connections
        101   nginx is leaving home, 4 connections
        102   node is held on home, 1 connection
        103   redis runs on host1, 4 connections
        0     ----
        1     &Open admin page
        2     &Pause redirecting...
        4     Start &capture
        5     View &log
        0     ----
        6     &Start at logon
        7     &Quit
        """,
        Text(TrayMenu.Build(
            View(Process("redis", "host1"), Process("nginx", state: "migrating"), Process("node", state: "held", connections: 1), Process("echo", state: "in-doubt", connections: 0)), LogonStart.No)));

    [TestMethod]
    public void NodeThatIsDown_SaysSo_AndOffersWhatCanBeDone() => Assert.AreEqual(
        """
        0   - Twins: twinsd doesn't answer
        0   - twinsd hasn't answered yet.
        0     ----
        1   - &Open admin page
        2   - &Pause redirecting...
        4   - Start &capture
        5     View &log
        0     ----
        6    *&Start at logon
        7     &Quit
        """,
        Text(TrayMenu.Build(NodeView.Unknown, LogonStart.ThisUser)));

    [TestMethod]
    public void PausedNode_OffersToResume()
    {
        var process = Process("redis", "host1");
        process.PausedUntilUnixMilliseconds = 1;
        var text = Text(TrayMenu.Build(View(process), LogonStart.No));
        StringAssert.Contains(text, "\n3     &Resume redirecting\n", StringComparison.Ordinal);
        StringAssert.Contains(text, "redis runs on host1, 4 connections, paused\n", StringComparison.Ordinal);
        Assert.DoesNotContain("Pause", text);
    }

    [TestMethod]
    public void StartForAllUsers_CannotBeChangedHere() =>
        StringAssert.Contains(Text(TrayMenu.Build(View(), LogonStart.AllUsers)), "\n6   -*&Start at logon (set for all users)\n", StringComparison.Ordinal);

    [TestMethod]
    public void ManyProcesses_AreShownInPart()
    {
        var menu = TrayMenu.Build(View([.. Enumerable.Range(10, 20).Select(i => Process($"p{i}"))]), LogonStart.No);
        Assert.AreEqual(12, menu.Count(entry => entry.Process.Length > 0));
        Assert.AreEqual("p21", menu.Last(entry => entry.Process.Length > 0).Process);
        Assert.IsTrue(menu.Any(entry => entry.Text == "and 8 more, see the admin page"));
    }

    [TestMethod]
    public void Ampersands_AreShownAsSuch() =>
        StringAssert.Contains(Text(TrayMenu.Build(new NodeView(NodeLink.Refused, "A & B", null), LogonStart.No)), "A && B", StringComparison.Ordinal);

    [TestMethod]
    public void Console_StaysOpen_AndTakesPlainWordsOnly()
    {
        Assert.AreEqual("""/k ""C:\Program Files\Twins\twins.exe" log --follow" """.TrimEnd(), ConsoleCommand.Build(@"C:\Program Files\Twins\twins.exe", "log", "--follow"));
        foreach (var word in (string[])["", "a b", "a&b", "a\"b", "%x%", "a|b", "^", "ä"])
            Assert.ThrowsExactly<ArgumentException>(() => ConsoleCommand.Build("twins.exe", "show", word), word);
        Assert.ThrowsExactly<ArgumentException>(() => ConsoleCommand.Build(@"C:\%TEMP%\twins.exe"));
    }

    private static string Text(IReadOnlyList<MenuEntry> menu) => string.Join('\n', menu.Select(entry =>
        $"{entry.Identifier,-3} {(entry.IsEnabled ? ' ' : '-')}{(entry.IsChecked ? '*' : ' ')}{(entry.Text.Length == 0 ? "----" : entry.Text)}"));
}
