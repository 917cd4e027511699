using System.ComponentModel;
using System.Globalization;
using Twins.Manager.Checkpoint;

namespace Twins.Manager.Processes;

/// <summary>Finds what CRIU can't carry, or what a program would miss on another machine.</summary>
internal static class ObstacleFinder
{
    private const string StartUnderTwins = "start the program with `twins run`, which gives it a session and files of its own";

    public static List<Obstacle> Find(IReadOnlyCollection<int> pids, IReadOnlyCollection<Descriptor> descriptors)
    {
        var obstacles = new List<Obstacle>();
        foreach (var pid in pids)
            AddOfProcess(pid, pids, obstacles);
        foreach (var descriptor in descriptors)
        {
            if (descriptor.TryGetInode("socket", out _))
                AddOfSocket(descriptor, obstacles);
            else
                AddOfFile(descriptor, obstacles);
        }

        AddOfUnixSockets(descriptors, obstacles);
        PipeEnds.AddObstacles(pids, descriptors, obstacles);
        return obstacles;
    }

    private static void AddOfProcess(int pid, IReadOnlyCollection<int> pids, List<Obstacle> obstacles)
    {
        if (!ProcessStat.TryRead(pid, out var stat))
            return;
        if (!pids.Contains(stat.Session) || !pids.Contains(stat.ProcessGroup))
        {
            obstacles.Add(new Obstacle(pid, true,
                FormattableString.Invariant($"it belongs to session {stat.Session} and process group {stat.ProcessGroup}, whose leader is not among the processes that move"),
                "start the program with `twins run` or setsid(1)"));
        }

        var status = ProcFile.ReadLines(FormattableString.Invariant($"/proc/{pid}/status"));
        if (Field(status, "TracerPid:") is { } tracer && tracer != "0")
            obstacles.Add(new Obstacle(pid, true, $"process {tracer} traces it", "end the debugger or tracer"));

        // Without this capability CRIU can't read the limits of another user's process.
        const int SysResource = 24;
        var ours = Field(ProcFile.ReadLines("/proc/self/status"), "CapEff:");
        var user = Field(status, "Uid:");
        if (user is not null && user != "0" && ours is not null
            && ulong.TryParse(ours, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var capabilities)
            && (capabilities >> SysResource & 1) == 0)
        {
            obstacles.Add(new Obstacle(pid, true,
                $"it runs as user {user}, and without CAP_SYS_RESOURCE a checkpoint can't read another user's limits",
                "run the program as root, or give twinsd CAP_SYS_RESOURCE"));
        }
    }

    /// <summary>The first word behind a key of /proc/PID/status.</summary>
    private static string? Field(string[] status, string key) =>
        status.FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))?[key.Length..].Split((char[])['\t', ' '], StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();

    private static void AddOfSocket(Descriptor descriptor, List<Obstacle> obstacles)
    {
        // UDP sockets are carried, UNIX is looked at below.
        var protocol = descriptor.ReadProtocolName();
        switch (protocol)
        {
            case "TCP" or "TCPv6":
                AddOfTcp(descriptor, obstacles);
                break;
            case "UDP" or "UDPv6" or "UDP-Lite" or "UDPLITEv6" or "UNIX" or "UNIX-STREAM" or "":
                break;
            case "NETLINK":
                Add(false, "a netlink socket: notices of the kernel that wait in it are lost", "nothing; programs ask again");
                break;
            case "MPTCP" or "MPTCPv6":
                Add(true, "a Multipath TCP socket", "start the program without it (Go: GODEBUG=multipathtcp=0)");
                break;
            case "PACKET":
                Add(true, "a packet socket: it is bound to an interface of this machine", "end the capture first");
                break;
            case "RAW" or "RAWv6" or "PING" or "PINGv6":
                Add(false, "a raw socket: what arrives for it is not redirected", "nothing; only TCP follows a program");
                break;
            default:
                Add(true, $"a socket of the protocol {protocol}", "close it before the move");
                break;
        }

        void Add(bool isFatal, string what, string remedy) => AddDescriptor(obstacles, descriptor, isFatal, what, remedy);
    }

    private static void AddOfTcp(Descriptor descriptor, List<Obstacle> obstacles)
    {
        const int bindToDevice = 25;
        const int upperLayerProtocol = 31;
        using var process = ProcessHandle.TryOpen(descriptor.Pid);
        using var socket = process?.TryDuplicate(descriptor.Number);
        if (socket is null)
            return;
        if (ForeignSockets.HasPriorityData(socket))
            Add("a connection with urgent data (TCP URG) that waits to be read, which no checkpoint can carry", "let the program read it");
        if (ForeignSockets.HasValue(socket, ForeignSockets.TransmissionControl, upperLayerProtocol))
            Add("a connection with kernel TLS or another protocol on top of TCP in the kernel, which no checkpoint can carry", "turn it off in the program");
        if (ForeignSockets.HasValue(socket, ForeignSockets.SocketLevel, bindToDevice))
            Add("a socket that is bound to a network device of this machine (SO_BINDTODEVICE)", "bind it to an address");

        void Add(string what, string remedy) => AddDescriptor(obstacles, descriptor, true, what, remedy);
    }

    private static void AddOfFile(Descriptor descriptor, List<Obstacle> obstacles)
    {
        switch (descriptor.Target)
        {
            case "anon_inode:[io_uring]":
                Add("an io_uring, which no checkpoint can carry", "turn it off in the program (Node.js: UV_USE_IO_URING=0; .NET and nginx don't use it)");
                break;
            case "anon_inode:[perf_event]" or "anon_inode:[userfaultfd]" or "anon_inode:bpf-prog" or "anon_inode:bpf-map" or "anon_inode:bpf_link":
                Add($"{descriptor.Target["anon_inode:".Length..].Trim('[', ']')}, an object of this kernel", "close it before the move");
                break;
            case "/dev/null" or "/dev/zero" or "/dev/full" or "/dev/random" or "/dev/urandom" or "/dev/net/tun":
                break;
            case var path when path.StartsWith("/dev/pts/", StringComparison.Ordinal) || path.StartsWith("/dev/tty", StringComparison.Ordinal)
                || path is "/dev/console" or "/dev/ptmx":
                Add($"the terminal {path}", StartUnderTwins);
                break;
            case var path when path.StartsWith("/dev/", StringComparison.Ordinal) && !path.StartsWith("/dev/shm/", StringComparison.Ordinal)
                && !path.StartsWith("/dev/mqueue/", StringComparison.Ordinal) && !path.StartsWith("/dev/hugepages/", StringComparison.Ordinal):
                Add($"the device {path} of this machine", "close it before the move");
                break;
        }

        void Add(string what, string remedy) => AddDescriptor(obstacles, descriptor, true, what, remedy);
    }

    private static void AddOfUnixSockets(IReadOnlyCollection<Descriptor> descriptors, List<Obstacle> obstacles)
    {
        var inside = descriptors.Where(descriptor => descriptor.TryGetInode("socket", out _)).ToLookup(descriptor =>
        {
            descriptor.TryGetInode("socket", out var inode);
            return inode;
        });
        foreach (var network in inside.Select(group => group.First()).Where(descriptor => descriptor.ReadProtocolName().StartsWith("UNIX", StringComparison.Ordinal))
            .GroupBy(descriptor => ProcFile.ReadLink(FormattableString.Invariant($"/proc/{descriptor.Pid}/ns/net"))))
        {
            Dictionary<ulong, ulong> peers;
            try
            {
                peers = UnixSocketPeers.Read(network.First().Pid);
            }
            catch (Win32Exception exception)
            {
                obstacles.Add(new Obstacle(network.First().Pid, false, exception.Message, "the checkpoint itself will tell"));
                continue;
            }

            foreach (var descriptor in network)
            {
                descriptor.TryGetInode("socket", out var inode);
                // 0: the other end is already closed, which is carried.
                if (peers.TryGetValue(inode, out var peer) && peer != 0 && !inside.Contains(peer))
                    AddDescriptor(obstacles, descriptor, true, "a local (AF_UNIX) connection to a program that does not move", "move that program as well, or close the connection (system log, D-Bus, database on a local socket: use TCP)");
            }
        }
    }

    private static void AddDescriptor(List<Obstacle> obstacles, Descriptor descriptor, bool isFatal, string what, string remedy) =>
        obstacles.Add(new Obstacle(descriptor.Pid, isFatal, FormattableString.Invariant($"descriptor {descriptor.Number} is {what}"), remedy));
}
