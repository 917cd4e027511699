using Twins.Manager.Processes;

namespace Twins.Manager.Tests.Processes;

[TestClass]
public sealed class ProcessTreeTests
{
    [TestMethod]
    public void Tree_WithThreadsChildrenAndGrandchildren_IsReadWhole()
    {
        using var program = new Program("""
            def sleeper(): threading.Thread(target=rest, daemon=True).start(); rest()
            inner = os.pipe()
            child = os.fork()
            if child == 0:
                grandchild = os.fork()
                if grandchild == 0:
                    os.write(inner[1], b"g%d\n" % os.getpid())
                    rest()
                    os._exit(0)
                os.waitpid(grandchild, 0)
                os._exit(0)
            # A child of another thread than the first.
            def forker():
                global other
                other = os.fork()
                if other == 0:
                    rest()
                    os._exit(0)
                started.set()
                threading.Event().wait(30)
            started = threading.Event()
            threading.Thread(target=forker, daemon=True).start()
            started.wait()
            say(child, os.read(inner[0], 100).decode().strip()[1:], other)
            rest()
            """, ownNetwork: false);
        var pids = program.Hear().Select(int.Parse).ToArray();

        var tree = ProcessTree.TryRead(program.Pid)!;

        CollectionAssert.AreEquivalent(new[] { program.Pid }.Concat(pids).ToArray(), tree.Pids.ToArray());
        Assert.AreEqual(program.Pid, tree.Root.Pid);
        Assert.HasCount(2, tree.Root.Threads);
        Assert.AreEqual(program.Pid, tree.Processes.Single(node => node.Pid == pids[0]).ParentPid);
        Assert.AreEqual(pids[0], tree.Processes.Single(node => node.Pid == pids[1]).ParentPid);
        Assert.IsTrue(tree.Processes.All(node => node.Identity.StartTimeTicks > 0 && node.Identity.CommandName == "python3"));
        Assert.Contains("/python3", tree.Root.Identity.Executable);
    }

    [TestMethod]
    public void Tree_ThatForksAllTheTime_IsStillRead()
    {
        using var program = new Program("""
            def churn():
                while True:
                    child = os.fork()
                    if child == 0: os._exit(0)
                    os.waitpid(child, 0)
            threading.Thread(target=churn, daemon=True).start()
            say("ready")
            rest()
            os._exit(0)
            """, ownNetwork: false);
        program.Hear();
        for (var i = 0; i < 50; i++)
            Assert.AreEqual(program.Pid, ProcessTree.TryRead(program.Pid)!.Root.Pid);
    }

    [TestMethod]
    public void Process_ThatEnded_HasNoTreeAndIsNotAlive()
    {
        ProcessIdentity identity;
        int pid;
        using (var program = new Program("rest()", ownNetwork: false))
        {
            pid = program.Pid;
            identity = ProcessIdentity.TryRead(pid)!;
            Assert.IsTrue(identity.IsAlive());
        }

        Assert.IsFalse(identity.IsAlive());
        Assert.IsNull(ProcessTree.TryRead(pid));
        Assert.IsFalse((identity with { Pid = Environment.ProcessId }).IsAlive(), "another process with that number");
    }

    [TestMethod]
    public void Tree_WithAProcessThatEndsAfterItWasRead_IsEnding()
    {
        using var program = new Program("""
            import signal
            def child():
                pid = os.fork()
                if pid == 0:
                    time.sleep(60)
                    os._exit(0)
                return pid
            def kill(pid):
                os.kill(pid, signal.SIGKILL)
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            first, second = child(), child()
            kill(first)
            say(second)
            rest()
            """, ownNetwork: false);
        var second = int.Parse(program.Hear()[0]);
        var tree = ProcessTree.TryRead(program.Pid)!;
        Assert.HasCount(3, tree.Processes);
        Assert.IsFalse(tree.IsEnding(), "the first had nothing open any more when the tree was read");

        using (var process = System.Diagnostics.Process.GetProcessById(second))
            process.Kill();
        Assert.IsTrue(Wait.Until(tree.IsEnding, ending => ending));
    }

    [TestMethod]
    [DataRow('S', 0x400000u, false)]
    [DataRow('R', 0x40000cu, true, DisplayName = "PF_EXITING: it closes what it has open")]
    [DataRow('Z', 0x40000cu, true)]
    [DataRow('X', 0u, true)]
    public void Stat_OfAProcess_SaysWhetherItIsEnding(char state, uint flags, bool isEnding)
    {
        Assert.IsTrue(ProcessStat.TryParse($"7 (a ) b) {state} 1 7 7 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0", out var stat));
        Assert.AreEqual(("a ) b", 4242ul, isEnding), (stat.CommandName, stat.StartTimeTicks, stat.IsEnding));
    }
}
