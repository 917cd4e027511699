using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Dumps that are refused because of what happened between the hold and the freeze, and are made again.</summary>
[TestClass]
public sealed class RefusedDumpTests : LabTest
{
    [TestMethod]
    public void ProcessThatOpensAConnectionAfterTheHold_IsDumpedAgain_AndTheConnectionMovesAlong()
    {
        var answering = new CheckedClient(Start(Peer, "python3", Repository.Rig("traffic.py"), "answer", "7100", "--seconds", "600"));
        answering.WaitUntilReady();
        MobileProcess client = RunMobile(Home, "redialer", "python3", Repository.Rig("redialer.py"), "10.77.0.1:7100", "1");
        WaitForOutput(client, "connected 1");
        PeerCounters before = PeerCounters.Read(Peer);
        JsonElement result = MoveWithTwoDumps(client,
            betweenHoldAndFreeze: () =>
            {
                Home.Kill(client.Pid, Native.SigUsr1);
                WaitForOutput(client, "connected 2");
            },
            afterTheFirst: () => { });
        Assert.AreEqual(2, result.GetProperty("connections").GetInt32(), result.ToString());
        answering.AssertGoesOn();
        before.AssertNothingEnded(PeerCounters.Read(Peer));
        answering.Finish();
    }

    [TestMethod]
    public void ConnectionThatComesIntoABacklogAfterTheHold_ProcessIsDumpedAgain_OnceItHasAccepted()
    {
        MobileProcess dialer = RunMobile(Home, "dialer", "python3", Repository.Rig("self_dialer.py"));
        WaitForOutput(dialer, "ready");
        MoveWithTwoDumps(dialer,
            betweenHoldAndFreeze: () =>
            {
                Home.Kill(dialer.Pid, Native.SigUsr1);
                WaitForOutput(dialer, "waits");
            },
            afterTheFirst: () =>
            {
                Home.Kill(dialer.Pid, Native.SigUsr2);
                WaitForOutput(dialer, "accepted");
            });
    }

    /// <summary>Moves a process from home to host1. Its first dump has to be refused: otherwise there is no second one to wait for.</summary>
    private JsonElement MoveWithTwoDumps(MobileProcess process, Action betweenHoldAndFreeze, Action afterTheFirst)
    {
        CriuGate.Close(Home);
        BackgroundProgram migration = StartTwins(Home, "migrate", process.Name, "--to", Host1.Name);
        migration.WaitFor("hold:");
        int first = Eventually.Reads(Home.CriuPids, pids => pids.Count == 1, "CRIU waits before the first dump").Single();
        betweenHoldAndFreeze();
        CriuGate.LetOnePass(Home);
        Eventually.Holds(() => !Home.CriuPids().Contains(first), () => $"the first dump is over: {migration}");
        afterTheFirst();
        Eventually.Reads(Home.CriuPids, pids => pids.Count == 1, "CRIU waits before a second dump");
        CriuGate.Open(Home);
        CommandResult result = migration.WaitForEnd().Succeeded();
        process.Node = Host1;
        return JsonDocument.Parse(result.Output).RootElement;
    }

    private static void WaitForOutput(MobileProcess process, string text) =>
        Eventually.Holds(() => process.Output.Contains(text, StringComparison.Ordinal), () => $"'{text}' from {process.Name}: {process.Output}{process.Error}");
}
