using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

[TestClass]
public sealed class UrgentDataTests : LabTest
{
    // The peer's side: ARGUMENTS are the rigs' directory, the actor's host, control port and data port.
    private const string Script = """
        import socket, sys
        sys.path.insert(0, sys.argv[1])
        from tcp_matrix import Actor
        actor = Actor(sys.argv[2], int(sys.argv[3]))
        sock = socket.create_connection((sys.argv[2], int(sys.argv[4])))
        number = actor("accept")
        sock.sendall(b"before")
        sock.send(b"!", socket.MSG_OOB)
        sock.sendall(b"after")
        while not actor("is-urgent", number):
            pass
        print("sent", flush=True)
        sys.stdin.readline()
        print("read", actor("read-text", number, 6), actor("read-text", number, 5), flush=True)
        sys.stdin.readline()
        sock.sendall(b"later")
        print("read", actor("read-text", number, 5), flush=True)
        """;

    [TestMethod]
    public void UrgentData_NotRead_StopsTheMoveUntilTheProgramHasReadIt()
    {
        PeerCounters before = PeerCounters.Read(Peer);
        MobileProcess actor = RunMobile(Home, "actor", "python3", Repository.Rig("tcp_actor.py"), "7200", "7201");
        WaitForListener(Home, 7201);
        BackgroundProgram peer = Start(Peer, "python3", "-c", Script, Path.GetDirectoryName(Repository.Rig("tcp_actor.py"))!, Home.Address, "7200", "7201");
        peer.WaitFor("sent");

        string message = actor.FailToMigrateTo("host1").FailsIn("preflight", "obstacle", "let the program read it");

        Assert.Contains("a connection with urgent data (TCP URG) that waits to be read", message);
        peer.Say("read it");
        peer.WaitFor("read before after");
        actor.MigrateTo(Host1);
        peer.Say("more");
        peer.WaitFor("read later");
        before.AssertNothingBroken(PeerCounters.Read(Peer));
    }
}
