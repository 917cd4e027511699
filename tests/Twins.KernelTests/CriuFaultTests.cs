using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>The real CRIU refuses, at the dump or at the restore, what no check can know before.</summary>
[TestClass]
public sealed class CriuFaultTests : FaultTest
{
    [TestMethod]
    public void DumpFails_IsRolledBack_AndTheMessageSaysWhat()
    {
        // Open under a name that is gone, while the file has another: the other machine hasn't either.
        Home.Shell("echo held >/tmp/held");
        StartServer("sh", "-c", $"exec 5</tmp/held; ln /tmp/held /tmp/other; rm /tmp/held; exec python3 {Repository.Rig("traffic.py")} serve 7000");
        AssertFails(StartMigration(Host1).WaitForEnd(), "checkpoint", "unsupported-file", "On node 'home': The file /tmp/held was removed", "Put it back under its name, or let the program close it");
        AssertDone();
    }

    [TestMethod]
    [DataRow("file-differs", "echo much longer >/tmp/read", "Install the same version on both nodes")]
    [DataRow("file-missing", "rm /tmp/read", "Put the same file there")]
    public void FileChangesBetweenCheckAndRestore_IsRolledBack_AndTheMessageNamesIt(string code, string change, string remedy)
    {
        foreach (Machine node in TestLab.Nodes)
            node.Shell("echo same >/tmp/read");
        StartServer("sh", "-c", $"exec python3 {Repository.Rig("traffic.py")} serve 7000 5</tmp/read");
        StoppedMigration stopped = Stop("restore", Host1);
        Host1.Shell(change);
        stopped.LetGo();
        AssertFails(stopped.Program.WaitForEnd(), "restore", code, "On node 'host1': The file /tmp/read is", remedy);
        Host1.Shell("echo same >/tmp/read");
        MoveTo(Host1);
        AssertDone();
    }

    private void AssertFails(CommandResult told, string step, string code, string said, string remedy)
    {
        Assert.Contains(said, new TwinsResult(told).FailsIn(step, code, remedy));
        AssertOneRuns($"CRIU failed in {step}");
        Assert.AreEqual(Home, Server.Node);
    }
}
