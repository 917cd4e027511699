using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>The destination as a whole is gone for good, in the middle of a move.</summary>
[TestClass]
public sealed class MachineFaultTests : FaultTest
{
    [TestMethod]
    public void DestinationGone_IsRolledBackBeforeTheCommit_AndInDoubtUntilAPersonDecidesAtTheCommit()
    {
        IsLabSpent = true;
        StartServer();
        StoppedMigration stopped = Stop("restore", Host2);
        Host2.Destroy();
        CommandResult told = stopped.Program.WaitForEnd();
        Assert.AreEqual("node-unreachable", Failure(told, 3).GetProperty("code").GetString(), told.ToString());
        AssertRunsAtHome();

        stopped = Stop("commit", Host1);
        Host1.Destroy();
        told = stopped.Program.WaitForEnd();
        Assert.AreEqual("in-doubt", Failure(told, 1).GetProperty("code").GetString(), told.ToString());
        Assert.AreEqual("in-doubt", StateOn(Home));
        Home.Twins("resolve", Server.Name, "--run-here").Exits(0);
        AssertRunsAtHome();
    }

    private void AssertRunsAtHome()
    {
        Eventually.Reads(() => StateOn(Home), state => state == "running", "it runs at home");
        Assert.IsTrue(Home.Runs(Server.Pid));
        AssertGoesOn();
    }
}
