using Google.Protobuf;
using Twins.Manager.Checkpoint;
using Twins.Protocol.Images;

namespace Twins.Manager.Tests.Checkpoint;

/// <summary>What a program has set on its sockets is there after a move, whether CRIU or Twins carries it.</summary>
[TestClass]
public sealed class SocketOptionTests
{
    // Socket, option, level, number, the value set, and the value that the kernel then gives.
    private static readonly (string Socket, string Name, int Level, int Number, string Set, string Get)[] s_options =
    [
        Int("connection", "SO_KEEPALIVE", 1, 9, 1),
        Int("connection", "TCP_KEEPIDLE", 6, 4, 77),
        Int("connection", "TCP_KEEPINTVL", 6, 5, 13),
        Int("connection", "TCP_KEEPCNT", 6, 6, 4),
        Int("connection", "TCP_NODELAY", 6, 1, 1),
        Int("connection", "TCP_CORK", 6, 3, 1),
        Int("connection", "TCP_USER_TIMEOUT", 6, 18, 43210),
        Int("connection", "TCP_LINGER2", 6, 8, 17),
        Int("connection", "TCP_SYNCNT", 6, 7, 3),
        Int("connection", "TCP_NOTSENT_LOWAT", 6, 25, 16384),
        Int("connection", "TCP_WINDOW_CLAMP", 6, 10, 50000),
        Int("connection", "TCP_THIN_LINEAR_TIMEOUTS", 6, 16, 1),
        Int("connection", "TCP_INQ", 6, 36, 1),
        Int("connection", "TCP_QUICKACK", 6, 12, 0),
        Hex("connection", "TCP_CONGESTION", 6, 13, "72656e6f000000000000000000000000"), // reno
        Hex("connection", "SO_LINGER", 1, 13, "0100000009000000"),
        Hex("connection", "SO_RCVTIMEO", 1, 20, "07000000000000000000000000000000"),
        Hex("connection", "SO_SNDTIMEO", 1, 21, "08000000000000000000000000000000"),
        Hex("connection", "SO_MAX_PACING_RATE", 1, 47, "00093d0000000000"),
        // The kernel doubles buffer sizes (socket(7)).
        Int("connection", "SO_SNDBUF", 1, 7, 50000, 100000),
        Int("connection", "SO_RCVBUF", 1, 8, 60000, 120000),
        // A receive buffer alone is locked: a program set it.
        Int("connection", "SO_BUF_LOCK", 1, 72, 2),
        Int("connection", "SO_PRIORITY", 1, 12, 5),
        Int("connection", "SO_MARK", 1, 36, 0x1234),
        Int("connection", "SO_RCVLOWAT", 1, 18, 2),
        Int("connection", "SO_OOBINLINE", 1, 10, 1),
        Int("connection", "SO_ZEROCOPY", 1, 60, 1),
        Int("connection", "SO_BUSY_POLL", 1, 46, 50),
        Int("connection", "SO_TIMESTAMPNS", 1, 35, 1),
        Int("connection", "SO_LOCK_FILTER", 1, 44, 1),
        Int("connection", "IP_TTL", 0, 2, 99),
        Int("connection", "IP_FREEBIND", 0, 15, 1),
        Int("connection", "IP_TRANSPARENT", 0, 19, 1),
        Int("connection", "IP_MTU_DISCOVER", 0, 10, 0),
        Int("connection", "IP_RECVERR", 0, 11, 1),
        Int("connection", "IP_MINTTL", 0, 21, 5),
        Int("listener", "SO_REUSEADDR", 1, 2, 1),
        Int("listener", "SO_REUSEPORT", 1, 15, 1),
        Int("listener", "SO_INCOMING_CPU", 1, 49, 1),
        Int("listener", "TCP_DEFER_ACCEPT", 6, 9, 3),
        Int("listener", "TCP_FASTOPEN", 6, 23, 7),
        Int("listener", "TCP_MAXSEG", 6, 2, 1000),
        Int("listener", "TCP_SAVE_SYN", 6, 27, 1),
        Int("listener", "TCP_USER_TIMEOUT", 6, 18, 11111),
        Hex("listener", "TCP_CONGESTION", 6, 13, "72656e6f000000000000000000000000"),
        Int("listener", "IP_TOS", 0, 1, 0x10),
        Int("listener6", "IP_TOS", 0, 1, 0x20),
        Int("listener6", "IP_TTL", 0, 2, 98),
        Int("listener6", "IPV6_TCLASS", 41, 67, 0x28),
        Int("listener6", "IPV6_UNICAST_HOPS", 41, 16, 97),
        Int("listener6", "SO_PRIORITY", 1, 12, 4),
        Int("unbound", "IP_BIND_ADDRESS_NO_PORT", 0, 24, 1),
        Int("unbound", "IP_LOCAL_PORT_RANGE", 0, 51, 50010 << 16 | 50000),
        Int("unbound", "TCP_FASTOPEN_CONNECT", 6, 30, 1),
        Int("unbound", "TCP_MAXSEG", 6, 2, 900),
        // What nobody has set isn't set afterwards either.
        Untouched("SO_REUSEPORT", 1, 15, "00000000"),
        Untouched("SO_REUSEADDR", 1, 2, "01000000"),
        Untouched("TCP_USER_TIMEOUT", 6, 18, "00000000"),
        Untouched("SO_BUF_LOCK", 1, 72, "00000000"),
    ];

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public async Task OptionsOfSockets_AfterAMove_AreWhatTheProgramSet()
    {
        using var network = new TestNetwork();
        using var program = new SocketProgram(network);
        foreach (var option in s_options.Where(option => option.Set.Length > 0))
            Assert.AreEqual("ok", program.Ask($"set {option.Socket} {option.Level} {option.Number} {option.Set}"), option.ToString());
        Assert.AreEqual("", Differences(program));

        await MoveAsync(network, program.Program, _ => { });

        Assert.AreEqual("", Differences(program));
    }

    [TestMethod]
    [DataRow("no protobuf", "can't be read")]
    [DataRow("foreign process", "names process 1, which isn't one of those restored")]
    [DataRow("no socket", "names descriptor 1 of process")]
    [DataRow("no descriptor", "names descriptor -1 of process")]
    [DataRow("unknown option", "sets 'SO_ATTACH_BPF' to 4 octets")]
    [DataRow("wrong length", "sets 'IP_TTL' to 100000 octets")]
    [DataRow("missing", "is missing")]
    [DataRow("too large", "is larger than 33554432 octets")]
    public async Task OptionsFile_ThatNoNodeWouldWrite_FailsTheRestoreAndLeavesNothing(string fault, string message)
    {
        using var network = new TestNetwork();
        using var program = new SocketProgram(network);
        var pid = program.Program.Pid;

        var failure = await Assert.ThrowsExactlyAsync<CheckpointException>(() => MoveAsync(network, program.Program, images => Damage(Path.Combine(images, "socket-options.twins"), fault, pid)));

        Assert.AreEqual("image-refused", failure.Code);
        Assert.AreEqual("restore", failure.Phase);
        Assert.Contains(message, failure.Message);
        Assert.IsNull(CriuFixture.State(pid), "nothing of it is left");
    }

    [TestMethod]
    public async Task OptionValue_ThatTheKernelRefuses_FailsTheRestoreWithTheRemedy()
    {
        using var network = new TestNetwork();
        using var program = new SocketProgram(network);
        var pid = program.Program.Pid;
        // "nowhere", which no kernel has a module for.
        var image = Image(pid, 3, "TCP_CONGESTION", [0x6e, 0x6f, 0x77, 0x68, 0x65, 0x72, 0x65, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

        var failure = await Assert.ThrowsExactlyAsync<CheckpointException>(() => MoveAsync(network, program.Program, images => File.WriteAllBytes(Path.Combine(images, "socket-options.twins"), image)));

        Assert.AreEqual("socket-option-refused", failure.Code);
        Assert.Contains("Load the module of that congestion control on this node (tcp_nowhere)", failure.Message);
        Assert.IsNull(CriuFixture.State(pid), "nothing of it is left");
    }

    private static void Damage(string path, string fault, int pid)
    {
        switch (fault)
        {
            case "missing":
                File.Delete(path);
                break;
            case "too large":
                using (var file = File.OpenWrite(path))
                    file.SetLength((32 << 20) + 1);
                break;
            default:
                File.WriteAllBytes(path, fault switch
                {
                    "no protobuf" => [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1],
                    "foreign process" => Image(1, 3, "IP_TTL", [64, 0, 0, 0]),
                    "no socket" => Image(pid, 1, "IP_TTL", [64, 0, 0, 0]),
                    "no descriptor" => Image(pid, -1, "IP_TTL", [64, 0, 0, 0]),
                    "unknown option" => Image(pid, 3, "SO_ATTACH_BPF", [64, 0, 0, 0]),
                    _ => Image(pid, 3, "IP_TTL", new byte[100_000]),
                });
                break;
        }
    }

    private static byte[] Image(int pid, int descriptor, string option, byte[] value) => new SocketOptionsImage
    {
        Sockets = { new SocketOptions { Pid = pid, DescriptorNumber = descriptor, Options = { new SocketOptionValue { Name = option, Value = ByteString.CopyFrom(value) } } } },
    }.ToByteArray();

    private async Task MoveAsync(TestNetwork network, MobileProgram program, Action<string> between)
    {
        await using var criu = CriuFixture.Create();
        var images = network.NewFolder("images");
        await using (var dump = await criu.BeginDumpAsync(program.Pid, images, network.Home, TestContext.CancellationToken))
        {
            network.SwitchToHost();
            await dump.CompleteAsync(TestContext.CancellationToken);
        }

        CriuFixture.Eventually(() => CriuFixture.State(program.Pid) is null, "the original's number became free");
        between(images);
        await using var restore = await criu.BeginRestoreAsync(images, network.Host, TestContext.CancellationToken);
        program.Track();
        network.OpenHost();
        await restore.ResumeAsync(TestContext.CancellationToken);
    }

    private static string Differences(SocketProgram program) => string.Join('\n', s_options
        .Select(option => (Option: option, Value: program.Ask($"get {option.Socket} {option.Level} {option.Number} {option.Get.Length / 2}")))
        .Where(read => read.Value != read.Option.Get)
        .Select(read => $"{read.Option.Socket} {read.Option.Name}: {read.Value}, wanted {read.Option.Get}"));

    private static (string, string, int, int, string, string) Int(string socket, string name, int level, int number, int value, int? get = null) =>
        (socket, name, level, number, Convert.ToHexStringLower(BitConverter.GetBytes(value)), Convert.ToHexStringLower(BitConverter.GetBytes(get ?? value)));

    private static (string, string, int, int, string, string) Hex(string socket, string name, int level, int number, string value) =>
        (socket, name, level, number, value, value);

    private static (string, string, int, int, string, string) Untouched(string name, int level, int number, string get) =>
        ("untouched", name, level, number, "", get);
}
