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
            if (step is "switch" or "release")
                told.Succeeded();
            else if (told.ExitCode != 0 || step is not ("preflight" or "prepare"))
                AssertDestinationForgot(step, new TwinsResult(told));
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
            // Only after its restart is it known how the migration ended.
            new TwinsResult(told).FailsIn(step == "switch" ? "commit" : step, "unreachable", "twins show echo tells where", 5);
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
        // The standstill in hold must last until the twin is found.
        Configure(Home, """{"backlogDrain":"30s"}""");
        try
        {
            WaitUntilNodesMeet();
            StartServer();
            foreach (string step in StoppedMigration.Steps)
            {
                // A destination has a twin for the process only from the end of prepare on.
                if (machine == "home" || step is not ("preflight" or "prepare"))
                    KillTwinIn(step, machine == "home" ? Home : Host1);
            }
            AssertDone();
        }
        finally
        {
            Configure(Home, "{}");
        }
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
            if (step is "transfer" or "release")
                told.Succeeded();
            else
                new TwinsResult(told).FailsIn(step, "criu-died", "Look for an out-of-memory kill in the kernel's log (dmesg), then try again");
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

    /// <summary>What was killed is what it lacked; or the standstill before the kill took longer than the step has patience for what made it.</summary>
    private static void AssertLacked(string step, string code, string remedy, TwinsResult told)
    {
        switch (step, told.Document.GetProperty("error").GetProperty("code").GetString())
        {
            case ("prepare" or "transfer", "node-unreachable"):
                told.FailsIn(step, "node-unreachable", "Check that its twinsd runs");
                break;
            case ("hold", "backlog-not-drained"):
                told.FailsIn(step, "backlog-not-drained", "Let it accept them, then try again");
                break;
            default:
                told.FailsIn(step, code, remedy);
                break;
        }
    }

    /// <summary>It couldn't be asked, or came back without a memory of the migration. Stopped before it is asked, the migration fails in a later step.</summary>
    private static void AssertDestinationForgot(string step, TwinsResult told)
    {
        string failed = told.Document.GetProperty("error").GetProperty("phase").GetString()!;
        Assert.Contains(failed, step switch
        {
            "preflight" => ["prepare"],
            "hold" => ["hold", "transfer"],
            "checkpoint" => ["transfer"],
            _ => (string[])[step],
        }, told.ToString());
        if (told.Document.GetProperty("error").GetProperty("code").GetString() == "node-unreachable")
            told.FailsIn(failed, "node-unreachable", "Check that its twinsd runs");
        else
            told.FailsIn(failed, "unknown-migration", "its twinsd was restarted meanwhile, or has given it up. Try again");
    }

    private void KillTwinIn(string step, Machine node)
    {
        CommandResult told = KillIn(step, Host1, stopped =>
        {
            // One that is stopped can't be asked for its counters, which takes its time.
            bool isSilent = step == (node == Home ? "switch" : "commit");
            node.Kill(isSilent ? stopped.Silent : node == Home ? TwinOf(node) : TwinOfGuest(node));
            stopped.LetGo();
        });
        if (told.ExitCode != 0)
        {
            // It may be missed only in a later step: the destination's is needed in the commit. Until then another may not have begun its work.
            var result = new TwinsResult(told);
            string failed = result.Document.GetProperty("error").GetProperty("phase").GetString()!;
            Assert.Contains(failed, StoppedMigration.Steps.SkipWhile(s => s != step), told.ToString());
            AssertLacked(failed, "twin-failed", "twinsd starts another twin by itself: try again", result);
        }

        AssertOneRuns($"a kill of the twin of {node.Name} in {step}");
        Return(Home);
    }

    private void Return(Machine machine)
    {
        if (Server.Node != machine)
            MoveTo(machine);
    }
}
