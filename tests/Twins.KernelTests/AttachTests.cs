using System.Globalization;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Programs that were running before Twins knew of them.</summary>
[TestClass]
public sealed class AttachTests : LabTest
{
    [TestMethod]
    public void RunningProgram_AttachedLater_MovesWithTheConnectionsItHad()
    {
        string server = Repository.Rig("traffic.py");

        // The launcher without the hook: what is open in the test's process must not be open in the program.
        string launcher = Path.Combine(Repository.Root, "build/hook/twins-exec");
        string pid = Home.Shell($"{launcher} --stdout /dev/null --stderr /dev/null -- python3 {server} serve 7000 >/dev/null 2>&1 & echo $!").Trim();
        MobileProcess process = Adopt("late", int.Parse(pid, CultureInfo.InvariantCulture), Home);
        WaitForListener(Home, 7000);
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "3").WaitUntilReady();
        PeerCounters before = PeerCounters.Read(Peer);
        Home.Exec(Repository.Cli, "attach", pid, "--name", "late").Succeeded();
        AssertEverywhere(process, epoch: 1);
        foreach (Machine destination in new[] { Host1, Host2, Home })
        {
            Assert.AreEqual(3, process.MigrateTo(destination).GetProperty("connections").GetInt32());
            client.AssertGoesOn();
            before.AssertNothingEnded(PeerCounters.Read(Peer));
        }
        AssertNothingIsLeft();
        client.Finish();
    }

    [TestMethod]
    public void WhatTheNodeRunsBy_IsRefused()
    {
        foreach (string pid in Home.Shell("echo 1; pgrep -x twinsd; pgrep -x twin").Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Assert.Contains($"PID {pid} ", Home.Twins("attach", pid).Exits(1).Document.GetProperty("error").GetProperty("message").GetString()!);
        Assert.AreEqual(0, Home.Twins("ls").Exits(0).Document.GetArrayLength());
    }
}
