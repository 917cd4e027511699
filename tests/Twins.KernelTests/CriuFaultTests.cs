using System.Text.Json;
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
        JsonElement error = Failure(StartMigration(Host1).WaitForEnd(), 3);
        AssertIs(error, "checkpoint", "unsupported-file", "/tmp/held");
        AssertDone();
    }

    [TestMethod]
    [DataRow("file-differs", "echo much longer >/tmp/read")]
    [DataRow("file-missing", "rm /tmp/read")]
    public void FileChangesBetweenCheckAndRestore_IsRolledBack_AndTheMessageNamesIt(string code, string change)
    {
        foreach (Machine node in TestLab.Nodes)
            node.Shell("echo same >/tmp/read");
        StartServer("sh", "-c", $"exec python3 {Repository.Rig("traffic.py")} serve 7000 5</tmp/read");
        StoppedMigration stopped = Stop("restore", Host1);
        Host1.Shell(change);
        stopped.LetGo();
        JsonElement error = Failure(stopped.Program.WaitForEnd(), 3);
        AssertIs(error, "restore", code, "/tmp/read");
        Host1.Shell("echo same >/tmp/read");
        MoveTo(Host1);
        AssertDone();
    }

    private void AssertIs(JsonElement error, string step, string code, string named)
    {
        Assert.AreEqual(step, error.GetProperty("phase").GetString(), error.ToString());
        Assert.AreEqual(code, error.GetProperty("code").GetString(), error.ToString());
        Assert.Contains(named, error.GetProperty("message").GetString()!);
        AssertOneRuns($"CRIU failed in {step}");
        Assert.AreEqual(Home, Server.Node);
    }
}
