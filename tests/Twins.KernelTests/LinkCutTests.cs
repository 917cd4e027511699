using System.Globalization;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>
/// The link between source and destination breaks at each message from the request to restore on, in either direction, and stays
/// broken until it is known at the source.
/// </summary>
[TestClass]
public sealed class LinkCutTests : FaultTest
{
    private const int MostMessages = 60;

    private Machine _source = null!;
    private Machine _destination = null!;
    private bool _saidRunHere;
    private bool _saidGone;

    [TestMethod]
    [DataRow("home", "host1")]
    [DataRow("host1", "host2")]
    [DataRow("host1", "home")]
    public void LinkCutAtEachMessageOfTheCommit_ExactlyOneCopyRuns_AndAPersonCanDecideMeanwhile(string source, string destination)
    {
        _source = TestLab.Nodes.Single(node => node.Name == source);
        _destination = TestLab.Nodes.Single(node => node.Name == destination);
        // The source is sure to be in doubt before the test's patience ends; the destination's time stays as it is.
        Configure(_source, """{"commitWait":"1s"}""");
        try
        {
            WaitUntilNodesMeet();
            StartServer();
            int message = 0;
            do
            {
                Assert.IsLessThan(MostMessages, message, "a commit has an end");
                if (Server.Node != _source)
                    MoveTo(_source);
            }
            while (CutAndMove(message++));
            AssertDone();
        }
        finally
        {
            Configure(_source, "{}");
        }
    }

    [TestMethod]
    public void RequestToRestoreIsLost_RolledBack_AndTheProcessRunsOnMeanwhile()
    {
        StartServer();
        (_source, _destination) = (Home, Host1);
        // The answer may be one to another question, such as a node's word each minute that it is there.
        string failed;
        do
        {
            StoppedMigration stopped = Stop("checkpoint", Host1);
            using LinkCut cut = LinkCut.AtRequestAfterAnswer(Host1, Home);
            stopped.LetGo();
            CommandResult told = stopped.Program.WaitForEnd();
            failed = new TwinsResult(told).Document.GetProperty("error").GetProperty("phase").GetString()!;
            TestContext.WriteLine("{0} failed", failed);
            new TwinsResult(told).FailsIn(failed, "node-unreachable", "Check that its twinsd runs and that the network between the nodes works");
            Assert.AreEqual("", StateOn(Host1), "the destination has a record once it was asked to restore");
            AssertRunsAtSource(told);
            cut.Dispose();
            AssertOneRuns("a lost request to restore");
            WaitUntilNodesMeet();
        }
        while (failed == "transfer");
        Assert.AreEqual("restore", failed);
        Assert.AreEqual(Home, Server.Node);
        MoveTo(Host1);
        AssertDone();
    }

    [TestMethod]
    public void GuestEnds_WhileHomeCantBeReached_HomeForgetsItWhenItHears()
    {
        MobileProcess guest = RunMobile(Home, "guest", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        guest.MigrateTo(Host1);
        using (LinkCut cut = LinkCut.Now(Home))
        {
            Host1.Kill(guest.Pid);
            Eventually.Holds(() => File.ReadAllText(Host1.LogPath).Contains("guest: its home 'home' couldn't be told yet that it ended", StringComparison.Ordinal), "host1 tries to tell home");
            Assert.IsNotNull(Home.Find("guest"), "home hasn't heard");
        }

        Eventually.Holds(() => Home.Find("guest") is null && Host1.Find("guest") is null, "both have forgotten it");
        AssertNothingIsLeft();
    }

    /// <summary>False when the migration was done without meeting the cut.</summary>
    private bool CutAndMove(int message)
    {
        string cutAt = string.Create(CultureInfo.InvariantCulture, $"a cut at message {message}");
        BackgroundProgram migration = Stop("restore", _destination).Program;
        CommandResult told;
        bool hit;
        // Home's link is its peers' as well.
        using (LinkCut cut = LinkCut.After(_destination == Home ? _source : _destination, message))
        {
            CriuGate.Open(_destination);
            told = migration.WaitForEnd();
            hit = cut.IsDown;
            TestContext.WriteLine("{0}: exit code {1}, {2}", cutAt, told.ExitCode, told.Error.Split('\n')[^2]);
            if (told.ExitCode == 1)
                Decide(told);
            else if (told.ExitCode == 3)
                AssertRunsAtSource(told);
        }

        AssertOneRuns(cutAt);
        WaitUntilNodesMeet();
        return hit;
    }

    /// <summary>In doubt: frozen, held, and said so. The first time with and without the process at the destination, a person decides.</summary>
    private void Decide(CommandResult told)
    {
        new TwinsResult(told).FailsIn("commit", "in-doubt", $"A person can decide with 'twins resolve {Server.Name} --run-here|--gone'", 1);
        Assert.AreEqual("in-doubt", _source.Twins("show", Server.Name).Exits(0).Document.GetProperty("state").GetString());
        Assert.AreEqual('T', char.ToUpperInvariant(_source.StateOf(Server.Pid)), "the original is stopped");
        _source.Twins("migrate", Server.Name, "--to", TestLab.Nodes.First(node => node != _source && node != _destination).Name).Exits(1);
        if (_saidGone && _saidRunHere)
            return;
        // Nothing arrives at the destination any more: it has taken over, or gives up.
        Eventually.Holds(() => HasTakenOver() || !_destination.Runs(Server.Pid), "the destination has decided");
        bool runsThere = HasTakenOver();
        if (runsThere && _destination == Home)
            AssertGoesOn();
        if (runsThere && !_saidGone)
        {
            _saidGone = true;
            _source.Twins("resolve", Server.Name, "--gone").Exits(0);
            Assert.IsFalse(_source.Runs(Server.Pid), "the original was destroyed");
            Assert.AreNotEqual("in-doubt", StateOn(_source));
        }
        else if (!runsThere && !_saidRunHere)
        {
            _saidRunHere = true;
            _source.Twins("resolve", Server.Name, "--run-here").Exits(0);
            AssertRunsAtSource(told);
        }
    }

    private bool HasTakenOver() =>
        _destination.Find(Server.Name) is { } row && row.GetProperty("node").GetString() == _destination.Name && row.GetProperty("state").GetString() == "running";

    /// <summary>While the link still is cut.</summary>
    private void AssertRunsAtSource(CommandResult told)
    {
        Assert.AreEqual("running", StateOn(_source), told.ToString());
        Assert.IsTrue(_source.Runs(Server.Pid), told.ToString());
        // A guest's packets come by way of home.
        if (_destination != Home)
            AssertGoesOn();
    }
}
