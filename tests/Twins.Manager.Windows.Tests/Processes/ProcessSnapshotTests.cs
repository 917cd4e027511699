using Twins.Manager.Processes.Windows;

namespace Twins.Manager.Windows.Tests.Processes;

/// <summary>Numbers that are used again can't be had at will, so processes are made up here.</summary>
[TestClass]
public sealed class ProcessSnapshotTests
{
    [TestMethod]
    public unsafe void Entry_IsLaidOutAsTheSystemHasIt()
    {
        var entry = default(ProcessEntry);
        Assert.AreEqual(568, sizeof(ProcessEntry));
        Assert.AreEqual(8, (byte*)&entry.ProcessId - (byte*)&entry);
        Assert.AreEqual(32, (byte*)&entry.ParentProcessId - (byte*)&entry);
        Assert.AreEqual(44, (byte*)entry.FileName - (byte*)&entry);
    }

    [TestMethod]
    public void ProcessThatIsYoungerThanItsParent_IsItsChild_AndOneThatIsOlderIsNot()
    {
        // 8 was started by an earlier process of the number 4.
        var snapshot = Snapshot((4, 0, 100), (8, 4, 99), (12, 4, 100), (16, 4, 101), (20, 8, 102));

        Assert.AreEqual("4 12 16", string.Join(' ', snapshot.TreeOf(4)));
        Assert.AreEqual("8 20", string.Join(' ', snapshot.TreeOf(8)));
        Assert.AreEqual("0 4 4 8", string.Join(' ', new[] { 8, 12, 16, 20 }.Select(snapshot.ParentOf)));
    }

    [TestMethod]
    public void ProcessWhoseParentHasEnded_HasNone()
    {
        // 28 is still listed, but has ended.
        var snapshot = Snapshot((8, 4, 100), (28, 0, null), (32, 28, 101), (36, 32, 102));

        Assert.AreEqual("0 0 0 32", string.Join(' ', new[] { 4, 8, 32, 36 }.Select(snapshot.ParentOf)));
        Assert.IsEmpty(snapshot.TreeOf(4));
        Assert.IsEmpty(snapshot.TreeOf(28));
        Assert.AreEqual("32 36", string.Join(' ', snapshot.TreeOf(32)));
    }

    [TestMethod]
    public void ProcessesThatSeemToHaveStartedEachOther_AreListedOnce()
    {
        var snapshot = Snapshot((4, 8, 100), (8, 4, 100), (12, 12, 100));

        Assert.AreEqual("4 8", string.Join(' ', snapshot.TreeOf(4)));
        Assert.AreEqual("12", string.Join(' ', snapshot.TreeOf(12)));
    }

    private static ProcessSnapshot Snapshot(params (int Pid, int Creator, int? Start)[] processes) => new(
        processes.ToDictionary(process => process.Pid, process => process.Creator),
        pid => (ulong?)processes.FirstOrDefault(process => process.Pid == pid).Start);
}
