using Twins.Manager.Processes;

namespace Twins.Manager.Tests.Processes;

[TestClass]
public sealed class ObstacleTests
{
    [TestMethod]
    public void ServerWithConnectionsAndLocalPairs_HasNoObstacleButItsPipes()
    {
        // What runs the test may have left it pipes, which the program inherits: it keeps only its input and output, pipes to this test.
        using var program = new Program("""
            os.dup2(os.open("/dev/null", os.O_RDWR), 2)
            os.closerange(3, 1024)
            listener = socket.create_server(("10.99.0.1", 7000))
            client = socket.create_connection(("10.99.0.1", 7000))
            unused = socket.socket()
            left, right = socket.socketpair()
            local = socket.socket(socket.AF_UNIX)
            local.bind("\0twins-test-%d" % os.getpid())
            local.listen()
            inner = os.pipe()
            say("ready")
            rest()
            """);
        program.Hear();
        var obstacles = ProcessSockets.Read([program.Pid], []).Obstacles;
        Assert.AreEqual(
            $"descriptor 0 is a pipe shared with process {Environment.ProcessId}, which does not move\ndescriptor 1 is a pipe shared with process {Environment.ProcessId}, which does not move",
            string.Join('\n', obstacles.Select(obstacle => obstacle.Cause).Order(StringComparer.Ordinal)));
        Assert.IsTrue(obstacles.All(obstacle => obstacle.IsFatal));
    }

    [TestMethod]
    [DataRow("import pty; m, s = pty.openpty()", "the terminal /dev/pts/", true)]
    [DataRow("s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)", "a packet socket", true)]
    [DataRow("s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)", "a netlink socket", false)]
    [DataRow("s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", "a raw socket", false)]
    [DataRow("s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'lo')", "a socket that is bound to a network device", true)]
    [DataRow("l = socket.create_server(('10.99.0.1', 7000)); c = socket.create_connection(('10.99.0.1', 7000)); s = l.accept()[0]; c.send(b'!', socket.MSG_OOB)", "a connection with urgent data", true)]
    [DataRow("f = open('/dev/kmsg')", "the device /dev/kmsg", true)]
    [DataRow("import ctypes; ctypes.CDLL(None).syscall(425, 4, ctypes.create_string_buffer(120))", "an io_uring", true)]
    public void Descriptor_ThatCannotBeCarried_IsTold(string script, string cause, bool isFatal)
    {
        using var program = new Program(script + "\nsay('ready', *[os.readlink(f'/proc/self/fd/{n}') for n in range(10) if os.path.exists(f'/proc/self/fd/{n}')])\nrest()");
        var descriptors = string.Join(' ', program.Hear());
        var obstacles = ProcessSockets.Read([program.Pid], []).Obstacles;
        if (cause == "an io_uring" && !descriptors.Contains("io_uring", StringComparison.Ordinal))
            Assert.Inconclusive("This kernel gives no io_uring.");
        Assert.IsTrue(
            obstacles.Any(obstacle => obstacle.IsFatal == isFatal && obstacle.Cause.Contains(cause, StringComparison.Ordinal) && obstacle.Remedy.Length > 0),
            $"{descriptors}\n{string.Join('\n', obstacles)}");
    }

    [TestMethod]
    public void LocalConnection_ToAProgramThatStays_IsTold()
    {
        using var program = new Program("""
            left, right = socket.socketpair()
            child = os.fork()
            if child == 0:
                left.close()
                rest()
                os._exit(0)
            right.close()
            say(child)
            rest()
            """);
        var child = int.Parse(program.Hear()[0], null);
        const string Cause = "a local (AF_UNIX) connection to a program that does not move";
        Assert.IsTrue(ProcessSockets.Read([program.Pid], []).Obstacles.Any(obstacle => obstacle.Cause.Contains(Cause, StringComparison.Ordinal)));
        Assert.IsFalse(ProcessSockets.Read([program.Pid, child], []).Obstacles.Any(obstacle => obstacle.Cause.Contains(Cause, StringComparison.Ordinal)));
    }

    [TestMethod]
    public void SessionLeader_OutsideTheTree_IsTold()
    {
        using var program = new Program("""
            child = os.fork()
            if child == 0:
                rest()
                os._exit(0)
            say(child)
            rest()
            """, ownNetwork: false);
        var child = int.Parse(program.Hear()[0], null);
        Assert.IsTrue(ProcessSockets.Read([child], []).Obstacles.Any(obstacle => obstacle.IsFatal && obstacle.Cause.Contains("session", StringComparison.Ordinal)));
        Assert.IsFalse(ProcessSockets.Read([program.Pid, child], []).Obstacles.Any(obstacle => obstacle.Cause.Contains("session", StringComparison.Ordinal)));
    }
}
