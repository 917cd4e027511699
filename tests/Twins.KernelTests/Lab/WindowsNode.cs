using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Twins.KernelTests.Lab;

/// <summary>
/// A Windows node under Wine on a machine of the lab, beside its Linux one: twinsd.exe with its twins, and the WinDivert rig for a
/// driver. In a cluster it is called <c>windows</c>, and a relay does the TLS that Wine 8 can't do for .NET (tests/rigs/winnode).
/// </summary>
internal sealed class WindowsNode : IDisposable
{
    private const string Mark = "0x5744";
    private const string RigSocket = "/tmp/twins-windows-rig";
    private const string Name = "windows";
    private const string DaemonOfRig = "twinsnode.exe"; // at most 15 octets, as pgrep(1) sees them
    private const int ApiPort = 7557;
    private const int BehindRelay = 7657;
    private const int ToRelay = 7757;
    private static readonly string Programs = Path.Combine(Repository.Root, "build", "rigs", "windows");
    private static readonly string TwinsProgram = Path.Combine(Programs, "twins.exe");
    private static readonly string Prefix = Path.Combine(Repository.Root, "build", "wine", "windows-node");

    /// <summary>The admin page's program, as pgrep(1) sees it.</summary>
    public const string AdminProgram = "twins-admin.exe";

    private readonly Machine _machine;
    private readonly BackgroundProgram _bridge;
    private readonly BackgroundProgram? _relay;
    private readonly List<BackgroundProgram> _launched = [];
    private readonly string[] _settings;
    private BackgroundProgram? _daemon; // null: a service

    private WindowsNode(Machine machine, BackgroundProgram? relay = null, bool isService = false, params string[] settings)
    {
        _machine = machine;
        _settings = settings;
        _relay = relay;
        ChangeRules("-A");
        _bridge = StartBridge();
        if (isService)
            InstallService();
        else
            _daemon = StartDaemon();
    }

    /// <summary>Builds what is needed; to be called once before the first test.</summary>
    public static void Prepare()
    {
        using Process process = Process.Start(new ProcessStartInfo(Repository.Rig("winnode/prepare.sh")) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, error);
    }

    /// <summary>Starts it, with nothing of an earlier one.</summary>
    /// <param name="machine">Where it runs.</param>
    /// <param name="settings">Arguments of twinsd.</param>
    public static WindowsNode Start(Machine machine, params string[] settings)
    {
        RemoveData();
        return new WindowsNode(machine, settings: settings);
    }

    /// <summary>Installs it as a Windows service, which isn't started, with nothing of an earlier one. It is removed with the node.</summary>
    public static WindowsNode Install(Machine machine)
    {
        RemoveData();
        Directory.CreateDirectory(Data);
        File.WriteAllText(Path.Combine(Data, "twinsd.json"), new JsonObject { ["apiPort"] = ApiPort, ["readyTwins"] = 1 }.ToJsonString());
        return new WindowsNode(machine, isService: true);
    }

    /// <summary>Starts it as another member of a cluster, with nothing of an earlier one. The others know it from then on.</summary>
    /// <param name="machine">Where it runs.</param>
    /// <param name="authority">The node that has made the cluster.</param>
    public static WindowsNode StartInCluster(Machine machine, Machine authority)
    {
        RemoveData();
        // What 'twins cluster join' would bring. The key stays with the relay, as Wine has no use for it.
        string cluster = authority.Outside("/var/lib/twins/cluster");
        string keys = Directory.CreateDirectory(Path.Combine(Repository.Scratch, Guid.NewGuid().ToString("N"))).FullName;
        Shell($"""
            cp {cluster}/ca.crt {keys}
            openssl ecparam -name prime256v1 -genkey -noout -out {keys}/node.key
            openssl req -new -key {keys}/node.key -subj /CN={Name} |
                openssl x509 -req -days 1 -CA {cluster}/ca.crt -CAkey {cluster}/ca.key -set_serial {Random.Shared.Next()} -extfile <(
                    echo subjectAltName=DNS:{Name}
                    echo extendedKeyUsage=serverAuth,clientAuth) -out {keys}/node.crt
            """);
        List<JsonNode?> nodes = [.. JsonNode.Parse(File.ReadAllText(Path.Combine(cluster, "nodes.json")))!.AsArray().Select(node => node!.DeepClone())];
        nodes.Add(new JsonObject { ["Name"] = Name, ["Address"] = string.Create(CultureInfo.InvariantCulture, $"{machine.Address}:{ApiPort}") });
        string known = Directory.CreateDirectory(Path.Combine(Data, "cluster")).FullName;
        File.WriteAllText(Path.Combine(known, "nodes.json"), new JsonArray([.. nodes]).ToJsonString());
        BackgroundProgram relay = machine.Start("python3", Repository.Rig("winnode/tls_relay.py"), keys, Text(ApiPort), Text(BehindRelay), Text(ToRelay));
        relay.WaitFor("ready");
        Directory.Delete(keys, recursive: true);
        return new WindowsNode(machine, relay);
    }

    /// <summary>A Windows program of tests/rigs/winnode, for a command line.</summary>
    public static string Program(string name) => Path.Combine(Repository.Root, "build", "rigs", "winnode", name);

    /// <summary>Runs <c>twins.exe ARGUMENTS --json</c>.</summary>
    public TwinsResult Twins(params string[] arguments) => new(Wine(["wine", TwinsProgram, .. arguments, "--json"]));

    /// <summary>Runs <c>twins.exe run --detach</c>.</summary>
    /// <returns>The PID that Windows gave it.</returns>
    public int Run(string name, params string[] command)
    {
        CommandResult told = Wine(["wine", TwinsProgram, "run", "--detach", "--name", name, "--", .. command]).Succeeded();
        string line = told.Output.Split('\n').Single(line => line.StartsWith(name + " ", StringComparison.Ordinal));
        return int.Parse(line[(name.Length + 1)..], CultureInfo.InvariantCulture);
    }

    /// <summary>Starts <c>twins.exe ARGUMENTS</c> and lets it run; it ends with the node at the latest.</summary>
    public BackgroundProgram StartTwins(params string[] arguments)
    {
        BackgroundProgram program = _machine.Start(Environment(["wine", TwinsProgram, .. arguments]));
        _launched.Add(program);
        return program;
    }

    /// <summary>Ends the driver's bridge: from now on there is no driver, until the node ends.</summary>
    public void EndBridge() => _bridge.Stop();

    /// <summary>After <see cref="EndBridge"/>: a driver that doesn't open, with this error of Windows. It ends with the node.</summary>
    public void RefuseDriver(int error)
    {
        BackgroundProgram refusing = StartBridge("--refuse", Text(error));
        _launched.Add(refusing);
    }

    /// <summary>A file that Windows programs see as the path with <c>Z:</c> before it.</summary>
    public static string OnDrive(string path) => "Z:" + path.Replace('/', '\\');

    /// <summary>The machine's environment is what the admin page's program gets, as services do.</summary>
    public void GiveEnvironment()
    {
        foreach (string variable in Variables)
        {
            string[] parts = variable.Split('=');
            Wine("wine", "reg.exe", "add", @"HKLM\System\CurrentControlSet\Control\Session Manager\Environment", "/v", parts[0], "/d", parts[1], "/f").Succeeded();
        }
    }

    /// <summary>Starts a Windows program of which Twins knows nothing; it ends with the node.</summary>
    public void Launch(params string[] command) => _launched.Add(_machine.Start(Environment(["wine", .. command])));

    /// <summary>The Linux process that has the descriptors of all sockets.</summary>
    public int SocketsOf => _machine.PidsOf("wineserver64").Concat(_machine.PidsOf("wineserver")).First();

    /// <summary>Ends a Windows program without asking it.</summary>
    public void End(string program)
    {
        _machine.Kill(_machine.PidsOf(program).Single());
        Eventually.Holds(() => _machine.PidsOf(program).Count == 0, $"{program} has ended");
    }

    /// <summary>Kills its twins, as another program would.</summary>
    public void KillTwins() => SignalTwins(Native.SigKill);

    /// <summary>Stops its twins where they are: they have their handles still, and read nothing.</summary>
    public void StopTwins() => SignalTwins(Native.SigStop);

    /// <summary>Has the rig's driver tell that a process has accepted a connection (RIG_EVENT of tests/rigs/windivert/protocol.h).</summary>
    public void TellOfAccepted(int pid, IPEndPoint local, IPEndPoint remote)
    {
        const int Header = 8, Address = 80, Data = Header + 16;
        const byte RigEvent = 8, SocketLayer = 3, SocketAccept = 6, Tcp = 6;
        byte[] frame = new byte[Header + Address];
        BinaryPrimitives.WriteUInt32LittleEndian(frame, Address);
        frame[4] = RigEvent;
        (frame[Header + 8], frame[Header + 9]) = (SocketLayer, SocketAccept);
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(Data + 16), pid);
        Write(local, Data + 20, Data + 52);
        Write(remote, Data + 36, Data + 54);
        frame[Data + 56] = Tcp;
        using Socket bridge = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        bridge.Connect(new UnixDomainSocketEndPoint(_machine.Outside(RigSocket)));
        bridge.Send(frame);

        // Addresses as those that map IPv4, the lowest 32 bits first, in the machine's byte order.
        void Write(IPEndPoint end, int address, int port)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(address), BinaryPrimitives.ReadUInt32BigEndian(end.Address.GetAddressBytes()));
            BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(address + 4), 0xFFFF);
            BinaryPrimitives.WriteUInt16LittleEndian(frame.AsSpan(port), (ushort)end.Port);
        }
    }

    /// <summary>The driver is gone, as when somebody has unloaded it.</summary>
    public void StopBridge() => _machine.Kill(_machine.PidsOf("bridge").Single());

    /// <summary>Kills twinsd.exe, and starts another.</summary>
    public void RestartDaemon()
    {
        foreach (int daemon in (int[])[.. _machine.PidsOf("twinsd.exe"), .. _machine.PidsOf(DaemonOfRig)])
            _machine.Kill(daemon);
        _daemon?.Dispose();
        _daemon = StartDaemon();
    }

    public JsonElement Show(string process) => Twins("show", process).Exits(0).Document;

    /// <inheritdoc/>
    public void Dispose()
    {
        // A service would be started with the next node.
        if (_daemon is null)
            _ = Twins("service", "remove");
        _ = _machine.Exec(Environment(["wineserver", "-k"]));
        _launched.ForEach(program => program.Dispose());
        _daemon?.Dispose();
        _bridge.Dispose();
        _relay?.Dispose();
        ChangeRules("-D");
    }

    public override string ToString() => $"{_daemon}\n{_bridge}\n{_relay}";

    private BackgroundProgram StartBridge(params string[] more)
    {
        BackgroundProgram bridge = _machine.Start(
            [Path.Combine(Repository.Root, "build", "rigs", "windivert", "bridge"), "--socket", RigSocket, "--mark", Mark, "--queue", "10", "--queue", "11", .. more]);
        bridge.WaitFor("ready");
        return bridge;
    }

    private void SignalTwins(int signal)
    {
        foreach (int twin in _machine.PidsOf("twin.exe"))
            _machine.Kill(twin, signal);
    }

    private static string Data => Path.Combine(Prefix, "drive_c", "ProgramData", "Twins");

    private static void RemoveData()
    {
        if (Directory.Exists(Data))
            Directory.Delete(Data, recursive: true);
    }

    private static void Shell(string script)
    {
        using Process process = Process.Start(new ProcessStartInfo("bash", ["-euo", "pipefail", "-c", script]) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, error);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private BackgroundProgram StartDaemon()
    {
        string[] command = _relay is null
            ? ["twinsd.exe", "--api-port", Text(ApiPort)]
            : [DaemonOfRig, "--api-port", Text(BehindRelay), "--address", "127.0.0.1", "--node-name", Name];
        BackgroundProgram daemon = _machine.Start(Environment(["wine", Path.Combine(Programs, command[0]), .. command[1..], "--ready-twins", "1", .. _settings]));
        Eventually.Holds(() => daemon.HasEnded || Twins("ls").ExitCode == 0, () => $"{command[0]} answers: {daemon}", TimeSpan.FromSeconds(60));
        Assert.IsFalse(daemon.HasEnded, $"It ended: {daemon}");
        return daemon;
    }

    // What it starts, Wine's own programs among it, keeps its outputs, and pipes would not end before that.
    private CommandResult Wine(params string[] command) => _machine.Exec(["sh", "-c", """
        told=$(mktemp -d)
        "$@" >$told/out 2>$told/err </dev/null && status=0 || status=$?
        cat $told/out
        cat $told/err >&2
        rm -r $told
        exit $status
        """, "sh", .. Environment(command)]);

    // Wine's service manager gives services the machine's environment, as it was when it started.
    private void InstallService()
    {
        GiveEnvironment();
        _machine.Exec(Environment(["sh", "-c", "wineserver -k; wineserver -w"])).Succeeded();
        Twins("service", "install").Exits(0);
    }

    private static string[] Variables { get; } = ["DOTNET_EnableWriteXorExecute=0", "LC_ALL=C.UTF-8", $"TWINS_RIG_SOCKET={RigSocket}", $"TWINS_RIG_RELAY={Text(ToRelay)}"];

    // As in scripts/wine.sh.
    private static string[] Environment(string[] command) => ["env", $"WINEPREFIX={Prefix}", "WINEDEBUG=-all", .. Variables, .. command];

    private void ChangeRules(string change) => _machine.Shell($"""
        for protocol in tcp udp icmp; do
            iptables -t mangle {change} OUTPUT ! -o lo -p $protocol -m mark ! --mark {Mark} -j NFQUEUE --queue-num 10 --queue-bypass
            iptables -t mangle {change} PREROUTING ! -i lo -p $protocol -m mark ! --mark {Mark} -j NFQUEUE --queue-num 11 --queue-bypass
        done
        """);
}
