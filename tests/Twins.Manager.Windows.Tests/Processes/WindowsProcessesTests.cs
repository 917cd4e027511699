using System.Diagnostics;
using System.Globalization;
using Twins.Manager.Processes.Windows;

namespace Twins.Manager.Windows.Tests.Processes;

[TestClass]
public sealed class WindowsProcessesTests
{
    [TestMethod]
    public void RunningProcess_IsReadAsTheSystemHasIt()
    {
        using var self = Process.GetCurrentProcess();

        var identity = WindowsProcesses.TryRead(Environment.ProcessId);

        Assert.IsNotNull(identity);
        Assert.AreEqual(Environment.ProcessId, identity.Pid);
        Assert.AreEqual((ulong)self.StartTime.ToFileTimeUtc(), identity.StartTimeTicks);
        Assert.AreEqual(Environment.ProcessPath, identity.Executable, ignoreCase: true, CultureInfo.InvariantCulture);
        Assert.AreEqual("Twins.Manager.Windows.Tests", identity.CommandName);
    }

    [TestMethod]
    public void StartTime_StaysTheSame_AndIsAnothersOfALaterProcess()
    {
        using var program = new StartedProgram();
        var first = WindowsProcesses.TryRead(program.Pid);
        program.Ask("listen any 127.0.0.1:0");

        Assert.AreEqual(first, WindowsProcesses.TryRead(program.Pid));
        Assert.IsGreaterThan(WindowsProcesses.TryRead(Environment.ProcessId)!.StartTimeTicks, first!.StartTimeTicks);
    }

    [TestMethod]
    public void EndedProcess_WhoseNumberIsStillTaken_IsGone()
    {
        using var program = new StartedProgram();
        var identity = WindowsProcesses.TryRead(program.Pid);
        Assert.IsNotNull(identity);
        Assert.IsTrue(WindowsProcesses.IsAlive(identity));

        program.End();

        Assert.IsNull(WindowsProcesses.TryRead(identity.Pid));
        Assert.IsFalse(WindowsProcesses.IsAlive(identity));
        Assert.AreEqual(0, WindowsProcesses.ParentOf(identity.Pid));
        Assert.IsEmpty(WindowsProcesses.ReadTree(identity.Pid));
    }

    [TestMethod]
    public void AnotherProcess_WithTheSameNumber_IsNotTheOneThatWasMeant()
    {
        var identity = WindowsProcesses.TryRead(Environment.ProcessId)!;
        Assert.IsTrue(WindowsProcesses.IsAlive(identity));
        Assert.IsFalse(WindowsProcesses.IsAlive(identity with { StartTimeTicks = identity.StartTimeTicks - 1 }));
    }

    [TestMethod]
    public void NumbersThatNoProcessHas_AreNobodys()
    {
        // The third is one that OpenProcess takes for this process.
        foreach (var pid in new[] { 0, -1, Environment.ProcessId + 1, int.MaxValue })
        {
            Assert.IsNull(WindowsProcesses.TryRead(pid), pid.ToString(CultureInfo.InvariantCulture));
            Assert.IsEmpty(WindowsProcesses.ReadTree(pid), pid.ToString(CultureInfo.InvariantCulture));
        }
    }

    [TestMethod]
    public void Tree_HasGrandchildren_AParentBeforeItsChildren()
    {
        using var program = new StartedProgram();
        var child = Number(program.Ask("start"));
        using var other = new StartedProgram();
        var othersChild = Number(other.Ask("start"));

        CollectionAssert.AreEqual(new[] { program.Pid, child }, WindowsProcesses.ReadTree(program.Pid).ToArray());
        CollectionAssert.AreEqual(new[] { child }, WindowsProcesses.ReadTree(child).ToArray());
        var tree = WindowsProcesses.ReadTree(Environment.ProcessId).ToList();
        Assert.AreEqual(Environment.ProcessId, tree[0]);
        Assert.IsLessThan(tree.IndexOf(child), tree.IndexOf(program.Pid));
        Assert.IsLessThan(tree.IndexOf(othersChild), tree.IndexOf(other.Pid));
        Assert.AreEqual(program.Pid, WindowsProcesses.ParentOf(child));
        Assert.AreEqual(Environment.ProcessId, WindowsProcesses.ParentOf(program.Pid));
    }

    private static int Number(string answer) => int.Parse(answer, CultureInfo.InvariantCulture);
}
