using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>
/// Every TCP state that a socket of a process can be in, with unread data in its receive queue, unsent data in its
/// send queue, both or nothing, at the moment of the move. Not possible: FIN-WAIT-2 with unsent data (its FIN is
/// acknowledged, and so is all before it); SYN-SENT with data; CLOSED with unsent data; SYN-RECEIVED and TIME-WAIT
/// (sockets of the kernel, not of a process). LISTEN with waiting connections: <see cref="BacklogTests"/>.
/// </summary>
[TestClass]
public sealed class StateMatrixTests : LabTest
{
    private int _linesRead;

    // At one time: what a half-closed connection left on a former host stays until the kernel gives it up.
    private static readonly string[] s_cases =
    [
        "ESTABLISHED:nothing", "ESTABLISHED:unread", "ESTABLISHED:unsent", "ESTABLISHED:both",
        "CLOSE-WAIT:nothing", "CLOSE-WAIT:unread", "CLOSE-WAIT:unsent", "CLOSE-WAIT:both",
        "FIN-WAIT-1:nothing", "FIN-WAIT-1:unread", "FIN-WAIT-1:unsent", "FIN-WAIT-1:both",
        "FIN-WAIT-2:nothing", "FIN-WAIT-2:unread",
        "LAST-ACK:nothing", "LAST-ACK:unread", "LAST-ACK:unsent", "LAST-ACK:both",
        "CLOSING:nothing", "CLOSING:unread", "CLOSING:unsent", "CLOSING:both",
        "SYN-SENT:nothing",
        "CLOSED:nothing", "CLOSED:unread",
    ];

    [TestMethod]
    public void Connections_InEveryState_MoveWithTheirQueuesAndEndInOrder()
    {
        PeerCounters before = PeerCounters.Read(Peer);
        MobileProcess actor = RunMobile(Home, "actor", "python3", Repository.Rig("tcp_actor.py"), "7200", "7201");
        WaitForListener(Home, 7201);
        BackgroundProgram matrix = Start(Peer,
            ["python3", Repository.Rig("tcp_matrix.py"), Home.Address, "7200", "7201", Peer.Address, .. s_cases]);
        Assert.AreEqual("{}", Failures(NextLine(matrix)), matrix.ToString());
        // Home again in the same state, and away once more: each time what the kernel restored before is taken up anew.
        foreach (Machine node in new[] { Host1, Home, Host2 })
        {
            actor.MigrateTo(node);
            matrix.Say("moved");
            Assert.AreEqual("{}", Failures(NextLine(matrix)), $"on {node.Name}: {matrix}");
        }
        matrix.Say("finish");
        CommandResult result = matrix.WaitForEnd();
        Assert.AreEqual("{}", Failures(result.Output.Trim().Split('\n')[^1]), result.ToString());
        before.AssertNothingBroken(PeerCounters.Read(Peer));
        // What closed there doesn't keep the process from coming home.
        actor.MigrateTo(Home);
        before.AssertNothingBroken(PeerCounters.Read(Peer));
    }

    private string NextLine(BackgroundProgram program)
    {
        int wanted = ++_linesRead;
        string[] lines = Eventually.Reads(() => program.Output.Split('\n'), now => now.Length > wanted || program.HasEnded, $"line {wanted} of {program}");
        Assert.IsGreaterThan(wanted, lines.Length, $"It ended: {program}");
        return lines[wanted - 1];
    }

    private static string Failures(string line) => JsonDocument.Parse(line).RootElement.GetProperty("failures").GetRawText();
}
