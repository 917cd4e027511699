using System.Net.Sockets;
using Twins.Diversion.Linux;

namespace Twins.Diversion.Tests;

[TestClass]
public sealed class UnixSocketsTests
{
    [TestMethod]
    public void Descriptors_ArriveWithTheirOctetsAndWork()
    {
        var path = Path.GetTempFileName();
        File.WriteAllText(path, "seven");
        var (left, right) = Pair();
        using (left)
        using (right)
        {
            using (var file = File.OpenHandle(path))
            using (var second = File.OpenHandle(path))
                Assert.AreEqual(3, UnixSockets.Send(left, "abc"u8, [(int)file.DangerousGetHandle(), (int)second.DangerousGetHandle()]));
            var received = new List<FileDescriptor>();
            var data = new byte[16];
            Assert.AreEqual(3, UnixSockets.Receive(right, data, received));
            Assert.HasCount(2, received);
            Assert.AreEqual("seven", File.ReadAllText($"/proc/self/fd/{received[0].Number}"));
            received.ForEach(descriptor => descriptor.Dispose());
        }

        File.Delete(path);
    }

    [TestMethod]
    public void Octets_WithoutDescriptors_Arrive()
    {
        var (left, right) = Pair();
        using (left)
        using (right)
        {
            UnixSockets.Send(left, "abc"u8, []);
            left.Shutdown(SocketShutdown.Send);
            var received = new List<FileDescriptor>();
            var data = new byte[16];
            Assert.AreEqual(3, UnixSockets.Receive(right, data, received));
            Assert.AreEqual(0, UnixSockets.Receive(right, data, received));
            Assert.IsEmpty(received);
        }
    }

    [TestMethod]
    public void Peer_IsThisProcess()
    {
        var (left, right) = Pair();
        using (left)
        using (right)
            Assert.AreEqual(new UnixCredentials(Environment.ProcessId, 0, 0), UnixSockets.PeerOf(right));
    }

    private static (Socket Left, Socket Right) Pair()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        var left = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        left.Connect(new UnixDomainSocketEndPoint(path));
        var right = listener.Accept();
        File.Delete(path);
        return (left, right);
    }
}
