using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>
/// Every TCP state that a socket of a process can be in, with unread data in its receive queue, unsent data in its
/// send queue, both or nothing, at the moment of the move. Not possible: FIN-WAIT-2 with unsent data (its FIN is
/// acknowledged, and so is all before it); SYN-SENT with data; CLOSED with unsent data; SYN-RECEIVED and TIME-WAIT
/// (sockets of the kernel, not of a process). LISTEN with waiting connections: <see cref="BacklogTests"/>. RESET is CLOSED by
/// the peer's RST; what the program hasn't heard of it, the error, isn't carried: it reads what is unread, and then the end.
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
        "RESET:nothing", "RESET:unread",
    ];

    [TestMethod]
    public void Connections_InEveryState_MoveWithTheirQueuesAndEndInOrder()
    {
        PeerCounters first = PeerCounters.Read(Peer);
        MobileProcess actor = RunMobile(Home, "actor", "python3", Repository.Rig("tcp_actor.py"), "7200", "7201");
        WaitForListener(Home, 7201);
        BackgroundProgram matrix = Start(Peer,
            ["python3", Repository.Rig("tcp_matrix.py"), Home.Address, "7200", "7201", Peer.Address, .. s_cases]);
        Assert.AreEqual("{}", Failures(NextLine(matrix)), matrix.ToString());
        PeerCounters before = PeerCounters.Read(Peer);
        (first with { ResetsOut = first.ResetsOut + 2 }).AssertNothingBroken(before);
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

    [TestMethod]
    public void TwoListenersOnOnePort_MoveTogether_AndBothGoOnTakingConnections()
    {
        MobileProcess server = RunMobile(Home, "two", "python3", Repository.Rig("two_listeners.py"), "7000");
        WaitForListener(Home, 7000);
        Assert.AreEqual("12", Takers());
        foreach (Machine node in new[] { Host1, Home, Host2 })
        {
            server.MigrateTo(node);
            Assert.AreEqual("12", Takers(), $"on {node.Name}");
        }
    }

    /// <summary>The listeners that take any of 64 connections. The kernel chooses by a hash: none of two is left out by chance.</summary>
    private static string Takers() => Peer.Exec("python3", "-c", """
        import socket
        takers = set()
        for _ in range(64):
            with socket.create_connection(("10.77.0.2", 7000), timeout=30) as s:
                s.sendall(b"?")
                takers.add(s.recv(1).decode())
        print("".join(sorted(takers)))
        """).Succeeded().Output.Trim();

    private string NextLine(BackgroundProgram program)
    {
        int wanted = ++_linesRead;
        string[] lines = Eventually.Reads(() => program.Output.Split('\n'), now => now.Length > wanted || program.HasEnded, $"line {wanted} of {program}");
        Assert.IsGreaterThan(wanted, lines.Length, $"It ended: {program}");
        return lines[wanted - 1];
    }

    private static string Failures(string line) => JsonDocument.Parse(line).RootElement.GetProperty("failures").GetRawText();
}
