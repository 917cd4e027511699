using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Each of the programs that a move needs is killed with SIGKILL in each step of it.</summary>
[TestClass]
public sealed class StepFaultTests : FaultTest
{
    [TestMethod]
    public void DestinationsManagerKilled_InEachStep_RolledBackBeforeTheCommitAndDoneAfterIt()
    {
        StartServer();
        foreach (string step in StoppedMigration.Steps)
        {
            CommandResult told = KillIn(step, Host1, stopped => KillManager(Host1, stopped.LetGo));
            // What it was asked last it may be asked again when it is back; in preflight it isn't asked yet.
            if (step is not ("preflight" or "prepare"))
                Assert.AreEqual(step is "switch" or "release" ? 0 : 3, told.ExitCode, $"in {step}: {told}");
            if (told.ExitCode == 3)
                Failure(told, 3);
            AssertOneRuns($"a kill of the destination's twinsd in {step}");
            Return(Home);
        }
        AssertDone();
    }

    [TestMethod]
    public void HomesManagerKilled_InEachStep_ExactlyOneCopyRuns()
    {
        StartServer();
        foreach (string step in StoppedMigration.Steps)
        {
            CommandResult told = KillIn(step, Host1, stopped => KillManager(Home, stopped.LetGo));
            Assert.AreNotEqual(0, told.ExitCode, $"in {step}: {told}");
            AssertOneRuns($"a kill of home's twinsd in {step}");
            // A COMMIT that was sent is carried out, whoever sent it.
            if (step != "commit")
                Assert.AreEqual(step is "switch" or "release" ? Host1 : Home, Server.Node, $"after a kill of home's twinsd in {step}");
            Return(Home);
        }
        AssertDone();
    }

    [TestMethod]
    [DataRow("home")]
    [DataRow("host1")]
    public void TwinKilled_InEachStep_ExactlyOneCopyRuns(string machine)
    {
        StartServer();
        foreach (string step in StoppedMigration.Steps)
        {
            // A destination has a twin for the process only from the end of prepare on, and shows which when it has its record.
            if (machine == "host1" && step is "preflight" or "prepare" or "hold" or "checkpoint" or "transfer")
                continue;
            Machine node = machine == "home" ? Home : Host1;
            KillIn(step, Host1, stopped =>
            {
                // One that is stopped can't be asked for its counters, which takes its time.
                node.Kill((machine, step) is ("home", "switch") or ("host1", "commit") ? stopped.Silent : TwinOf(node));
                stopped.LetGo();
            });
            AssertOneRuns($"a kill of the twin of {machine} in {step}");
            Return(Home);
        }
        AssertDone();
    }

    [TestMethod]
    public void CriuKilled_InEachStepThatNeedsIt_RolledBackBeforeTheCommit()
    {
        StartServer();
        foreach ((string step, Machine node) in ((string, Machine)[])[("preflight", Home), ("checkpoint", Home), ("transfer", Home), ("restore", Host1), ("commit", Host1), ("release", Home)])
        {
            CommandResult told = KillIn(step, Host1, stopped =>
            {
                foreach (int criu in node.CriuPids())
                    node.Kill(criu);
                stopped.LetGo();
            });
            if (step is "preflight" or "checkpoint" or "restore" or "commit")
                Assert.AreEqual("criu-died", Failure(told, 3).GetProperty("code").GetString(), $"in {step}: {told}");
            AssertOneRuns($"a kill of CRIU on {node.Name} in {step}");
            Return(Home);
        }
        AssertDone();
    }

    [TestMethod]
    [DataRow("home", "preflight, restore, switch")]
    [DataRow("host1", "preflight, checkpoint, commit, release")]
    [DataRow("host2", "restore, commit, switch")]
    public void ManagerKilled_WhileAGuestMovesOn_ExactlyOneCopyRuns(string machine, string steps)
    {
        Machine node = machine switch { "home" => Home, "host1" => Host1, _ => Host2 };
        StartServer();
        MoveTo(Host1);
        foreach (string step in steps.Split(", "))
        {
            KillIn(step, Host2, stopped => KillManager(node, stopped.LetGo));
            AssertOneRuns($"a kill of the twinsd of {machine} in {step}");
            Return(Host1);
        }
        AssertDone();
    }

    /// <summary>What <c>twins migrate</c> said of a migration that stood still in a step and was let go after the kill.</summary>
    private CommandResult KillIn(string step, Machine destination, Action<StoppedMigration> kill)
    {
        StoppedMigration stopped = Stop(step, destination);
        kill(stopped);
        return stopped.Program.WaitForEnd();
    }

    private void Return(Machine machine)
    {
        if (Server.Node != machine)
            MoveTo(machine);
    }
}
