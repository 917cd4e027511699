using Microsoft.Win32;
using Twins.Tray.Icons;
using Twins.Tray.Menu;
using Twins.Tray.Status;
using Twins.Tray.Windows.Tests.Support;

namespace Twins.Tray.Windows.Tests;

/// <summary>The program on a screen with a taskbar, beside a real <c>twinsd</c>.</summary>
[TestClass]
public sealed class TrayTests
{
    // Of an icon of 16 pixels in each direction: its disc, of which less is left when the ring of another icon is drawn over it.
    private const int Disc = 60;
    private const int DiscWithSign = 20;

    private static RunningNode _node = null!;
    private static int _echo;

    public TestContext TestContext { get; set; } = null!;

    [ClassInitialize]
    public static void StartNode(TestContext context)
    {
        _node = new RunningNode();
        _echo = RunningNode.RunEcho("echo");
    }

    [ClassCleanup]
    public static void EndNode()
    {
        Desktop.End(_echo);
        _node.Dispose();
    }

    [TestCleanup]
    public void TellNode()
    {
        if (TestContext.CurrentTestOutcome != UnitTestOutcome.Passed)
            TestContext.WriteLine("{0}", _node);
    }

    [TestMethod]
    public void Icon_ShowsTheState_AlsoWhenTwinsdIsGoneAndBack_AndWhenTheTaskbarIsNew()
    {
        using var tray = new RunningTray();
        Shows(TrayState.Running, "running");
        var whole = Count(TrayState.Running, "running");
        _node.Kill();
        try
        {
            Eventually.Holds(() => RunningTray.Tooltip == "Twins: twinsd doesn't answer", "the tooltip tells that twinsd is down");
            // Wine draws an icon over the one before: a ring over the disc.
            Eventually.Holds(() => Count(TrayState.Running, "down") < whole, "the icon shows that twinsd is down");
        }
        finally
        {
            _node.Start();
        }

        Shows(TrayState.Running, "running-again");
        StringAssert.EndsWith(RunningTray.Tooltip, ": 1 mobile process", StringComparison.Ordinal);
        Delete();
        Eventually.Holds(() => Count(TrayState.Running, "taskbar-new") == 0, "the icon is gone from the taskbar");
        Support.Native.PostMessage(RunningTray.Window, Support.Native.RegisterWindowMessage("TaskbarCreated"), 0, 0);
        Shows(TrayState.Running, "taskbar-told");
        Assert.IsFalse(tray.Process.HasExited);
    }

    [TestMethod]
    public void Hold_ShowsAsMove_AndItsEndIsTold()
    {
        using var tray = new RunningTray();
        Shows(TrayState.Running, "before-hold");
        Assert.AreEqual(0, RunningNode.Twins("hold", "echo").ExitCode);
        Shows(TrayState.Migrating, "held");
        StringAssert.EndsWith(RunningTray.Tooltip, "\nmoving: echo", StringComparison.Ordinal);
        Eventually.Holds(() => Desktop.HasBalloon, "a balloon tells that it was released");
        Screen.Take("balloon");
        Shows(TrayState.Running, "released");
    }

    [TestMethod]
    public void FailedMigration_IsTold()
    {
        using var tray = new RunningTray();
        Shows(TrayState.Running, "before-migration");
        var (code, output) = RunningNode.Twins("migrate", "echo", "--to", "nowhere");
        Assert.AreEqual(3, code, output);
        Eventually.Holds(() => Desktop.HasBalloon, "a balloon tells that it wasn't moved");
        Screen.Take("balloon-failed");
    }

    [TestMethod]
    public void Menu_Opens_AndItsLastItemChosenByKeyboardQuits()
    {
        using var tray = new RunningTray();
        Shows(TrayState.Running, "before-menu");
        RunningTray.AskForMenu(380, 350);
        Eventually.Holds(() => Desktop.Find("#32768") != 0, "the menu is open");
        Screen.Take("menu");
        Press(0x26); // VK_UP: the last item
        Press(0x0D); // VK_RETURN
        Assert.IsTrue(tray.Process.WaitForExit(TimeSpan.FromSeconds(60)), "it quits");
        Assert.AreEqual(0, tray.Process.ExitCode);
        Eventually.Holds(() => Count(TrayState.Running, "after-quit") == 0, "the icon is gone");
    }

    [TestMethod]
    [DataRow(MenuCommand.Capture, "capture")]
    [DataRow(MenuCommand.ViewLog, "log --follow")]
    [DataRow(MenuCommand.ShowProcess, "show echo")]
    public void CommandForAConsole_OpensOneWithTheCli(object command, string arguments)
    {
        using var tray = new RunningTray();
        Shows(TrayState.Running, "before-console");
        // Which process it is about is the menu's.
        RunningTray.AskForMenu(380, 350);
        Eventually.Holds(() => Desktop.Find("#32768") != 0, "the menu is open");
        Press(0x1B); // VK_ESCAPE
        Eventually.Holds(() => Desktop.Find("#32768") == 0, "the menu is closed");
        RunningTray.Choose((MenuCommand)command);
        var expected = $"\\twins.exe\" {arguments}\"";
        KeyValuePair<int, string> console = default;
        Eventually.Holds(() => (console = Desktop.Programs("cmd").FirstOrDefault(p => p.Value.TrimEnd().EndsWith(expected, StringComparison.Ordinal))).Key != 0, $"a console with {expected}");
        // The others go on until they are ended; this one may have ended already.
        if ((MenuCommand)command != MenuCommand.ShowProcess)
            Eventually.Holds(() => Desktop.Programs("twins").Values.Any(line => line.TrimEnd().EndsWith(" " + arguments, StringComparison.Ordinal)), "the CLI runs in it");
        Screen.Take("console-" + arguments.Split(' ')[0]);
        foreach (var program in Desktop.Programs("twins").Keys)
            Desktop.End(program);
        Desktop.End(console.Key);
    }

    [TestMethod]
    public void Pause_IsConfirmedFirst_AndSaysWhatItDid()
    {
        using var tray = new RunningTray();
        Shows(TrayState.Running, "before-pause");
        RunningTray.Choose(MenuCommand.Pause);
        Answer(2); // IDCANCEL
        Assert.IsFalse(Desktop.HasBalloon);
        RunningTray.Choose(MenuCommand.Pause);
        Answer(1, "pause"); // IDOK
        Eventually.Holds(() => Desktop.HasBalloon, "a balloon tells that nothing is redirected");
        Screen.Take("balloon-pause");
        StringAssert.Contains(File.ReadAllText(AuditLog), "\"PauseRedirecting\"", StringComparison.Ordinal);
    }

    [TestMethod]
    public void AdminPage_IsOpenedWithALogin_OrItIsToldWhyNot()
    {
        var page = Path.Combine(Path.GetTempPath(), "page.txt");
        File.Delete(page);
        using var browser = Registry.LocalMachine.CreateSubKey(@"Software\Classes\http\shell\open\command");
        browser.SetValue(null, $"cmd.exe /c echo %1 >{page}");
        using var tray = new RunningTray();
        Shows(TrayState.Running, "before-page");
        RunningTray.Choose(MenuCommand.OpenPage);
        Eventually.Holds(() => Desktop.HasBalloon || (File.Exists(page) && File.ReadAllText(page).Contains("/login?code=", StringComparison.Ordinal)), "the page is opened, or it is told why not");
        Screen.Take("page");
    }

    [TestMethod]
    public void StartAtLogon_IsSetAndCleared()
    {
        using var tray = new RunningTray();
        RunningTray.Choose(MenuCommand.StartAtLogon);
        Eventually.Holds(() => RunValue() is string value && value.EndsWith("twins-tray.exe\"", StringComparison.OrdinalIgnoreCase), "it is set");
        Assert.AreEqual(LogonStart.ThisUser, LogonRegistry.Read());
        RunningTray.Choose(MenuCommand.StartAtLogon);
        Eventually.Holds(() => RunValue() is null, "it is cleared");
        Assert.AreEqual(LogonStart.No, LogonRegistry.Read());
    }

    [TestMethod]
    public void SecondTray_Ends_AndQuitEndsTheFirst()
    {
        using var tray = new RunningTray();
        using var second = RunningTray.Begin();
        Assert.IsTrue(second.WaitForExit(TimeSpan.FromSeconds(60)), "the second one ends");
        Assert.AreEqual(0, second.ExitCode);
        Assert.IsFalse(tray.Process.HasExited);
        using var quit = RunningTray.Begin("--quit");
        Assert.IsTrue(quit.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.AreEqual(0, quit.ExitCode);
        Assert.IsTrue(tray.Process.WaitForExit(TimeSpan.FromSeconds(20)), "the first one has ended");
        using var nobody = RunningTray.Begin("--quit");
        Assert.IsTrue(nobody.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.AreEqual(0, nobody.ExitCode);
    }

    private static string AuditLog => Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), "Twins", "audit.log");

    private static object? RunValue()
    {
        using var key = Registry.CurrentUser.OpenSubKey(@"Software\Microsoft\Windows\CurrentVersion\Run");
        return key?.GetValue("Twins Tray");
    }

    private static int Count(TrayState state, string picture) => Screen.Count(Screen.Take(picture), IconImage.ColorOf(state));

    private static void Shows(TrayState state, string picture) =>
        Eventually.Holds(() => Count(state, picture) >= (state == TrayState.Running ? Disc : DiscWithSign), $"the icon shows {state}: {picture}.png", () => RunningTray.Tooltip);

    private static void Press(int key) => Support.Native.PostMessage(RunningTray.Window, 0x0100, key, 0); // WM_KEYDOWN

    private static void Answer(int button, string picture = "")
    {
        Eventually.Holds(() => Desktop.Find("#32770", "Twins") != 0, "it asks");
        if (picture.Length > 0)
            Screen.Take(picture);
        Support.Native.PostMessage(Desktop.Find("#32770", "Twins"), 0x0111, button, 0); // WM_COMMAND
        Eventually.Holds(() => Desktop.Find("#32770", "Twins") == 0, "it has its answer");
    }

    /// <summary>Takes the icon from the taskbar, as a taskbar's own end does; the tray isn't told.</summary>
    private static unsafe void Delete()
    {
        var data = new NotifyIconData { Size = (uint)sizeof(NotifyIconData), Window = RunningTray.Window, Identifier = NotifyIcon.Identifier };
        Assert.IsTrue(Support.Native.ShellNotifyIcon(2, &data)); // NIM_DELETE
    }
}
