using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>The destination as a whole is gone for good, in each step of a move.</summary>
[TestClass]
public sealed class MachineFaultTests : FaultTest
{
    private const string Remedy = "Check that its twinsd runs and that the network between the nodes works";

    /// <summary>Two steps a lab: it has two machines to lose.</summary>
    [TestMethod]
    [DataRow("preflight", "prepare", "prepare", "prepare")]
    [DataRow("hold", "hold", "checkpoint", "transfer")]
    [DataRow("transfer", "transfer", "restore", "restore")]
    public void DestinationGone_BeforeTheCommit_IsRolledBack(string first, string firstFailed, string second, string secondFailed)
    {
        IsLabSpent = true;
        StartServer();
        foreach ((string step, string failed, Machine destination) in ((string, string, Machine)[])[(first, firstFailed, Host2), (second, secondFailed, Host1)])
        {
            StoppedMigration stopped = Stop(step, destination);
            destination.Destroy();
            // In the other steps it is the destination that was waited for.
            if (step is "preflight" or "hold" or "checkpoint")
                stopped.LetGo();
            string message = new TwinsResult(stopped.Program.WaitForEnd()).FailsIn(failed, "node-unreachable", Remedy);
            Assert.Contains($"Node '{destination.Name}' didn't answer", message);
            AssertRunsAtHome();
        }
    }

    [TestMethod]
    public void DestinationGone_AtTheCommit_IsInDoubtUntilAPersonDecides()
    {
        IsLabSpent = true;
        StartServer();
        StoppedMigration stopped = Stop("commit", Host1);
        Host1.Destroy();
        new TwinsResult(stopped.Program.WaitForEnd()).FailsIn("commit", "in-doubt", "A person can decide with 'twins resolve echo --run-here|--gone'", 1);
        Assert.AreEqual("in-doubt", StateOn(Home));
        Home.Twins("resolve", Server.Name, "--run-here").Exits(0);
        AssertRunsAtHome();
    }

    /// <summary>The process is gone with its machine: a second copy must not come to life.</summary>
    [TestMethod]
    [DataRow("switch")]
    [DataRow("release")]
    public void DestinationGone_AfterTheCommit_TheMoveIsDoneAndTheOriginalDestroyed(string step)
    {
        IsLabSpent = true;
        StartServer();
        StoppedMigration stopped = Stop(step, Host1);
        Host1.Destroy();
        stopped.LetGo();
        stopped.Program.WaitForEnd().Succeeded();
        Assert.IsFalse(Home.Runs(Server.Pid), "the original was destroyed");
        Assert.AreEqual("host1", Home.Find(Server.Name)!.Value.GetProperty("node").GetString());
    }

    private void AssertRunsAtHome()
    {
        Eventually.Reads(() => StateOn(Home), state => state == "running", "it runs at home");
        Assert.IsTrue(Home.Runs(Server.Pid));
        AssertGoesOn();
        AssertNothingIsLeftOn(Home);
    }
}
