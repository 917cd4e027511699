using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Ctrl-C while <c>twins migrate</c> runs.</summary>
[TestClass]
public sealed class InterruptTests : FaultTest
{
    [TestMethod]
    [DataRow("hold")]
    [DataRow("transfer")]
    [DataRow("restore")]
    public void Interrupted_BeforeTheCommit_IsRolledBackAndSaysSo(string step)
    {
        StartServer();
        StoppedMigration stopped = Stop(step, Host1);
        stopped.Program.Signal(Native.SigInt);
        CommandResult told = stopped.Program.WaitForEnd();
        new TwinsResult(told).FailsIn(step, "cancelled", "'twins migrate' starts another one");
        stopped.LetGo();
        AssertOneRuns($"Ctrl-C in {step}");
        Assert.AreEqual(Home, Server.Node);
        AssertDone();
    }

    [TestMethod]
    [DataRow("switch")]
    [DataRow("release")]
    public void Interrupted_AfterTheCommit_GoesOnToItsEnd(string step)
    {
        StartServer();
        StoppedMigration stopped = Stop(step, Host1);
        stopped.Program.Signal(Native.SigInt);
        stopped.Program.WaitFor("interrupted");
        stopped.LetGo();
        stopped.Program.WaitForEnd().Succeeded();
        AssertOneRuns($"Ctrl-C in {step}");
        Assert.AreEqual(Host1, Server.Node);
        AssertDone();
    }

    [TestMethod]
    public void InterruptedAtHome_WhileAGuestMovesOn_IsRolledBackWhereItRuns()
    {
        StartServer();
        MoveTo(Host1);
        StoppedMigration stopped = StoppedMigration.At("restore", Server, Host2, () => StartTwins(Home, "migrate", Server.Name, "--to", Host2.Name), () => { });
        stopped.Program.Signal(Native.SigInt);
        new TwinsResult(stopped.Program.WaitForEnd()).FailsIn("restore", "cancelled", "'twins migrate' starts another one");
        stopped.LetGo();
        AssertOneRuns("Ctrl-C at home");
        Assert.AreEqual(Host1, Server.Node);
        AssertDone();
    }
}
