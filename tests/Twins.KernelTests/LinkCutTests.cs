using System.Globalization;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>
/// The link to the destination breaks at each message from the restore's answer on, in either direction, and stays broken
/// until it is known at the source.
/// </summary>
[TestClass]
public sealed class LinkCutTests : FaultTest
{
    private const int MostMessages = 60;

    [TestMethod]
    public void LinkCutAtEachMessageOfTheCommit_ExactlyOneCopyRuns_AndAPersonCanDecideMeanwhile()
    {
        // The source is sure to be in doubt before the test's patience ends; the destination's time stays as it is.
        Configure(Home, """{"commitWait":"1s"}""");
        try
        {
            WaitUntilNodesMeet();
            StartServer();
            bool saidRunHere = false;
            bool saidGone = false;
            int message = 0;
            while (CutAndMove(message, ref saidRunHere, ref saidGone))
                Assert.IsLessThan(MostMessages, ++message, "a commit has an end");
            AssertDone();
        }
        finally
        {
            Configure(Home, "{}");
        }
    }

    /// <summary>False when the migration was done without meeting the cut.</summary>
    private bool CutAndMove(int message, ref bool saidRunHere, ref bool saidGone)
    {
        string cutAt = string.Create(CultureInfo.InvariantCulture, $"a cut at message {message}");
        BackgroundProgram migration = Stop("restore", Host1).Program;
        CommandResult told;
        bool hit;
        using (LinkCut cut = LinkCut.After(Host1, message))
        {
            CriuGate.Open(Host1);
            told = migration.WaitForEnd();
            hit = cut.IsDown;
            TestContext.WriteLine("{0}: exit code {1}, {2}", cutAt, told.ExitCode, told.Error.Split('\n')[^2]);
            if (told.ExitCode == 1)
                Decide(told, ref saidRunHere, ref saidGone);
            else if (told.ExitCode == 3)
                AssertRunsAtHome(told);
        }

        AssertOneRuns(cutAt);
        WaitUntilNodesMeet();
        if (Server.Node == Host1)
            MoveTo(Home);
        return hit;
    }

    /// <summary>In doubt: frozen, held, and said so. The first time with and without the process at the destination, a person decides; which cuts lead there differs, because pings count as messages.</summary>
    private void Decide(CommandResult told, ref bool saidRunHere, ref bool saidGone)
    {
        Assert.AreEqual("in-doubt", Failure(told, 1).GetProperty("code").GetString(), told.ToString());
        Assert.AreEqual("in-doubt", Home.Twins("show", Server.Name).Exits(0).Document.GetProperty("state").GetString());
        Assert.AreEqual('T', char.ToUpperInvariant(Home.StateOf(Server.Pid)), "the original is stopped");
        Home.Twins("migrate", Server.Name, "--to", "host2").Exits(1);
        if (saidGone && saidRunHere)
            return;
        // Nothing arrives at the destination any more: it has taken over, or gives up.
        bool runsThere = Eventually.Reads(() => StateOn(Host1), state => state is "running" or "", "the destination has decided") == "running";
        if (runsThere && !saidGone)
        {
            saidGone = true;
            Home.Twins("resolve", Server.Name, "--gone").Exits(0);
            Assert.IsFalse(Home.Runs(Server.Pid), "the original was destroyed");
            Assert.AreNotEqual("in-doubt", StateOn(Home));
        }
        else if (!runsThere && !saidRunHere)
        {
            saidRunHere = true;
            Home.Twins("resolve", Server.Name, "--run-here").Exits(0);
            AssertRunsAtHome(told);
        }
    }

    /// <summary>While the link still is cut.</summary>
    private void AssertRunsAtHome(CommandResult told)
    {
        Assert.AreEqual("running", StateOn(Home), told.ToString());
        Assert.IsTrue(Home.Runs(Server.Pid), told.ToString());
        AssertGoesOn();
    }
}
