using System.Runtime.InteropServices;
using Twins.Tray.Icons;
using Twins.Tray.Status;
using Twins.Tray.Windows.Tests.Support;

namespace Twins.Tray.Windows.Tests;

[TestClass]
public sealed unsafe class LayoutTests
{
    [TestMethod]
    public void Structures_AreAsTheSystems()
    {
        Assert.AreEqual(976, sizeof(NotifyIconData));
        Assert.AreEqual(32, (int)Marshal.OffsetOf<NotifyIconData>(nameof(NotifyIconData.Icon)));
        Assert.AreEqual(40, (int)Marshal.OffsetOf<NotifyIconData>(nameof(NotifyIconData.Tip)));
        Assert.AreEqual(304, (int)Marshal.OffsetOf<NotifyIconData>(nameof(NotifyIconData.Info)));
        Assert.AreEqual(816, (int)Marshal.OffsetOf<NotifyIconData>(nameof(NotifyIconData.Version)));
        Assert.AreEqual(820, (int)Marshal.OffsetOf<NotifyIconData>(nameof(NotifyIconData.InfoTitle)));
        Assert.AreEqual(948, (int)Marshal.OffsetOf<NotifyIconData>(nameof(NotifyIconData.InfoFlags)));
        Assert.AreEqual(968, (int)Marshal.OffsetOf<NotifyIconData>(nameof(NotifyIconData.BalloonIcon)));
        Assert.AreEqual(80, sizeof(Native.WindowClass));
        Assert.AreEqual(48, sizeof(Native.Message));
    }

    [TestMethod]
    [DataRow(16)]
    [DataRow(48)]
    public void ProgramsFile_HasTheIcon_ThatExplorerAndStartMenuShow(int size) =>
        Assert.IsGreaterThan(0, File.ReadAllBytes(RunningNode.PathOf("twins-tray.exe")).AsSpan().IndexOf(IconImage.Draw(TrayState.Running, size)));

    [TestMethod]
    public void SystemTakesEveryStatesIcon()
    {
        StateIcon? icon = null;
        foreach (var state in Enum.GetValues<TrayState>())
        {
            var next = StateIcon.Fit(icon, state, 0);
            Assert.AreNotEqual(0, next.Handle);
            Assert.IsGreaterThanOrEqualTo(16, next.Size);
            Assert.AreSame(next, StateIcon.Fit(next, state, 0));
            icon = next;
        }

        icon!.Dispose();
    }
}
