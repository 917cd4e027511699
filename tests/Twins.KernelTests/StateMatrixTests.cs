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
    [Ignore("The actor of these tests ends right after its first move; whether that is the rig's fault or ours isn't known yet.")]
    [TestMethod]
    [DataRow("ESTABLISHED", "nothing unread unsent both")]
    [DataRow("CLOSE-WAIT", "nothing unread unsent both")]
    [DataRow("FIN-WAIT-1", "nothing unread unsent both")]
    [DataRow("FIN-WAIT-2", "nothing unread")]
    [DataRow("LAST-ACK", "nothing unread unsent both")]
    [DataRow("CLOSING", "nothing unread unsent both")]
    [DataRow("SYN-SENT", "nothing")]
    [DataRow("CLOSED", "nothing unread")]
    public void Connection_InState_MovesWithItsQueuesAndEndsInOrder(string state, string queues)
    {
        string[] cases = [.. queues.Split(' ').Select(queue => $"{state}:{queue}")];
        PeerCounters before = PeerCounters.Read(Peer);
        MobileProcess actor = RunMobile(Home, "actor", "python3", Repository.Rig("tcp_actor.py"), "7200", "7201");
        WaitForListener(Home, 7201);
        BackgroundProgram matrix = Start(Peer,
            ["python3", Repository.Rig("tcp_matrix.py"), Home.Address, "7200", "7201", Peer.Address, .. cases]);
        matrix.WaitFor("prepared");
        Assert.AreEqual("{}", Failures(matrix.Output.Split('\n')[0]), matrix.ToString());
        actor.MigrateTo(Host1);
        matrix.Say("moved");
        CommandResult result = matrix.WaitForEnd();
        Assert.AreEqual("{}", Failures(result.Output.Trim().Split('\n')[^1]), result.ToString());
        before.AssertNothingBroken(PeerCounters.Read(Peer));
        // What closed there doesn't keep the process from coming home.
        actor.MigrateTo(Home);
    }

    private static string Failures(string line) => JsonDocument.Parse(line).RootElement.GetProperty("failures").GetRawText();
}
