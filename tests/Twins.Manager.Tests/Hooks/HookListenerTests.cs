using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Twins.Manager.Access;
using Twins.Manager.Hooks;
using Twins.Manager.Tests.Processes;

namespace Twins.Manager.Tests.Hooks;

[TestClass]
[SupportedOSPlatform("linux")]
public sealed class HookListenerTests
{
    // A connect of an IPv6 socket from ::ffff:10.0.0.1:4660 to ::ffff:10.0.0.2:80, octet by octet.
    private static readonly byte[] MappedConnect =
    [
        0x54, 0x57, 0x48, 0x4B, 1, 0, 56, 0, 4, 6, 6, 1, 7, 0, 0, 0, 0x34, 0x12, 80, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, 1,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, 2,
        0, 0, 0, 0,
    ];

    private readonly string _directory = Directory.CreateTempSubdirectory("twins-listener-").FullName;
    private readonly CollectingLogger<HookListener> _logger = new();
    private readonly CollectingLogger<RefusalLog> _refusals = new();

    private string Path => System.IO.Path.Combine(_directory, "hook.sock");

    [TestCleanup]
    public void RemoveDirectory() => Directory.Delete(_directory, recursive: true);

    [TestMethod]
    public async Task Message_OfAnotherProcess_BecomesAnEventWithTheSendersPid()
    {
        using var listener = new HookListener(Path, new RefusalLog(TimeProvider.System, _refusals), _logger);
        // The message itself says nothing about who sends it.
        using var sender = Process.Start(new ProcessStartInfo("python3",
        [
            "-c", "import socket,sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(bytes.fromhex(sys.argv[2]), sys.argv[1])",
            Path, Convert.ToHexString(MappedConnect),
        ]))!;

        var told = await Next(listener);

        Assert.AreEqual(sender.Id, told.Pid);
        Assert.AreEqual(
            (HookEventKind.Connect, 6, "10.0.0.1:4660", "10.0.0.2:80", true),
            (told.Kind, told.Transport, told.Local.ToString(), told.Remote.ToString(), told.IsInProgress));
        await sender.WaitForExitAsync();
    }

    [TestMethod]
    public async Task HostileInput_IsRefusedAndLoggedOncePerSender()
    {
        using var listener = new HookListener(Path, new RefusalLog(TimeProvider.System, _refusals), _logger);
        var random = new Random(1);
        var refused = 0;
        foreach (var length in new[] { 0, 1, 8, 55, 57, 4096 })
        {
            var garbage = new byte[length];
            random.NextBytes(garbage);
            Send(garbage);
            refused++;
        }

        // Every single field of the head broken once: magic, version, size, kind, family.
        foreach (var offset in new[] { 0, 3, 4, 5, 6, 7, 8, 9 })
        {
            var broken = MappedConnect.ToArray();
            broken[offset] ^= 0xF0;
            Send(broken);
            refused++;
        }

        Send(MappedConnect);
        await Next(listener);
        Assert.AreEqual(refused, listener.Refused);
        Assert.AreEqual(
            $"Process {Environment.ProcessId} of user 0 was refused a datagram to the hook socket: it is no hook message (not logged again within an hour)",
            string.Join('\n', _refusals.Lines));
        Assert.IsEmpty(_logger.Lines);
    }

    [TestMethod]
    public async Task DescriptorsInAMessage_AreClosed()
    {
        using var listener = new HookListener(Path, new RefusalLog(TimeProvider.System, _refusals), _logger);
        var before = Sockets();
        using var sender = Process.Start(new ProcessStartInfo("python3",
        [
            "-c",
            """
            import socket, sys
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.connect(sys.argv[1])
            files = [open("/etc/hostname") for _ in range(20)]
            for _ in range(100):
                socket.send_fds(s, [b"x"], [f.fileno() for f in files])
            s.send(bytes.fromhex(sys.argv[2]))
            """,
            Path, Convert.ToHexString(MappedConnect),
        ]))!;
        await Next(listener);
        await sender.WaitForExitAsync();
        Assert.AreEqual(100, listener.Refused);
        Assert.AreEqual(before, Sockets());

        static int Sockets() => Directory.GetFiles("/proc/self/fd").Count(link => new FileInfo(link).LinkTarget == "/etc/hostname");
    }

    [TestMethod]
    public async Task Burst_NobodyReading_DropsTheOldestAndKeepsTheNewest()
    {
        using var listener = new HookListener(Path, new RefusalLog(TimeProvider.System, _refusals), _logger);
        var message = MappedConnect.ToArray();
        const int Count = 10_000;
        for (var i = 0; i < Count; i++)
        {
            message[16] = (byte)i;
            message[17] = (byte)(i >> 8);
            Send(message);
        }

        Wait.Until(() => listener.Dropped, dropped => dropped == Count - 8192);
        Assert.AreEqual(Count - 8192, listener.Dropped);
        Assert.AreEqual(Count - 8192, (await Next(listener)).Local.Port);
    }

    [TestMethod]
    public void Socket_AfterACrash_IsReplacedAndRemovedAtTheEnd()
    {
        using (var left = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified))
            left.Bind(new UnixDomainSocketEndPoint(Path));
        Assert.IsTrue(File.Exists(Path) || new FileInfo(Path).LinkTarget is null);
        using (var listener = new HookListener(Path, new RefusalLog(TimeProvider.System, _refusals), _logger))
        {
            Assert.AreEqual((UnixFileMode)0b110_110_110, File.GetUnixFileMode(Path));
            Assert.IsFalse(listener.Events.Completion.IsCompleted);
        }

        Assert.IsFalse(File.Exists(Path));
        Assert.IsEmpty(_logger.Lines);
        Assert.IsEmpty(_refusals.Lines);
    }

    private static async Task<HookEvent> Next(HookListener listener) =>
        await listener.Events.ReadAsync(new CancellationTokenSource(TimeSpan.FromSeconds(20)).Token);

    private void Send(byte[] octets)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.SendTo(octets, new UnixDomainSocketEndPoint(Path));
    }
}
