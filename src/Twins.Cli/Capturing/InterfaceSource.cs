using SharpPcap;
using SharpPcap.LibPcap;
using Twins.Capture;

namespace Twins.Cli.Capturing;

/// <summary>Packets of this machine's interfaces, captured with libpcap (on Windows Npcap's). Frames come on threads of its own.</summary>
internal sealed class InterfaceSource : IDisposable
{
    // The longest link-layer, IP and TCP headers, with room for IPv6's extensions and for what an ICMP error quotes.
    private const int HeaderSnapLength = 256;
    private const int WholeSnapLength = 262_144;
    private const int ReadTimeoutMilliseconds = 50;

    private const int RawIpOfLibpcap = 12;
    private const string AllOnLinux = "any";
    private readonly List<LibPcapLiveDevice> _devices = [];

    private readonly int _snapLength;

    private InterfaceSource(int snapLength) => _snapLength = snapLength;

    /// <summary>Names of what is captured.</summary>
    public IReadOnlyList<string> Names => [.. _devices.Select(device => device.Name)];

    /// <summary>What its frames are, by the first interface.</summary>
    public CaptureInterface First => InterfaceOf(_devices[0]);

    /// <summary>Packets that the system had no room for.</summary>
    public long Dropped { get; private set; }

    /// <summary>Opens the interfaces; nothing is captured yet.</summary>
    /// <param name="name">Of one; empty: all.</param>
    /// <param name="filter">Of pcap-filter(7); empty: none.</param>
    /// <param name="payload">Whether whole packets are kept.</param>
    /// <exception cref="CliException">No libpcap, no rights, no such interface, or no filter.</exception>
    public static InterfaceSource Open(string name, string filter, bool payload)
    {
        var source = new InterfaceSource(payload ? WholeSnapLength : HeaderSnapLength);
        try
        {
            foreach (LibPcapLiveDevice device in Find(name))
            {
                device.Open(new DeviceConfiguration
                {
                    Mode = DeviceModes.None,
                    ReadTimeout = ReadTimeoutMilliseconds,
                    Snaplen = source._snapLength,
                    Immediate = true,
                });
                source._devices.Add(device);
                SetFilter(device, filter);
            }
            return source;
        }
        catch (Exception failure) when (failure is PcapException or DllNotFoundException or TypeInitializationException or EntryPointNotFoundException)
        {
            source.Dispose();
            throw Explain(failure, name);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Begins to capture.</summary>
    /// <param name="take">Called for each frame, on several threads.</param>
    public void Start(Action<CapturedFrame> take)
    {
        foreach (LibPcapLiveDevice device in _devices)
        {
            CaptureInterface from = InterfaceOf(device);
            var own = LocalAddresses.Read();
            device.OnPacketArrival += (_, arrival) =>
            {
                RawCapture raw = arrival.GetPacket();
                var frame = new CapturedFrame(from, Nanoseconds(raw.Timeval), raw.Data, raw.PacketLength);
                take(frame with { Direction = own.DirectionOf(frame) });
            };
            device.StartCapture();
        }
    }

    /// <summary>Ends capturing; afterwards <see cref="Dropped"/> is known.</summary>
    public void Stop()
    {
        foreach (LibPcapLiveDevice device in _devices.Where(device => device.Started))
        {
            device.StopCapture();
            Dropped += device.Statistics.DroppedPackets;
        }
    }

    public void Dispose()
    {
        foreach (LibPcapLiveDevice device in _devices)
            device.Dispose();
    }

    /// <summary>A filter in the user's words, as a test of frames of a kind.</summary>
    /// <param name="linkType">LINKTYPE_ value of the frames.</param>
    /// <param name="filter">Of pcap-filter(7).</param>
    /// <exception cref="CliException">It is none, or there is no libpcap.</exception>
    public static BpfProgram CompileFilter(int linkType, string filter)
    {
        try
        {
            // Where libpcap compiles, raw IP has the number that it has in this kernel's captures (DLT_RAW), not that of files.
            return BpfProgram.Create((PacketDotNet.LinkLayers)(linkType == CaptureInterface.RawIp && OperatingSystem.IsLinux() ? RawIpOfLibpcap : linkType), filter);
        }
        catch (PcapException failure)
        {
            throw NoFilter(filter, failure);
        }
        catch (Exception failure) when (failure is DllNotFoundException or TypeInitializationException)
        {
            throw Explain(failure, "");
        }
    }

    private CaptureInterface InterfaceOf(LibPcapLiveDevice device) => new(device.Name, (int)device.LinkType, _snapLength);

    private static LibPcapLiveDevice[] Find(string name)
    {
        LibPcapLiveDeviceList devices = LibPcapLiveDeviceList.Instance;
        string wanted = name.Length == 0 && OperatingSystem.IsLinux() ? AllOnLinux : name;
        LibPcapLiveDevice[] found = [.. devices.Where(device => wanted.Length > 0
            ? device.Name == wanted || device.Interface?.FriendlyName == wanted
            : device.Addresses.Count > 0)];
        if (found.Length > 0)
            return found;
        string known = string.Join(", ", devices.Select(device => device.Interface?.FriendlyName ?? device.Name));
        throw new CliException(ExitCode.Failed, "no-such-interface", devices.Count == 0
            ? "no interface can be captured here: become root (CAP_NET_RAW is needed)"
            : $"no interface is named '{wanted}'. There are: {known}");
    }

    private static void SetFilter(LibPcapLiveDevice device, string filter)
    {
        if (filter.Length == 0)
            return;
        try
        {
            device.Filter = filter;
        }
        catch (PcapException failure)
        {
            throw NoFilter(filter, failure);
        }
    }

    private static CliException NoFilter(string filter, PcapException failure) => new(ExitCode.Usage, "invalid-filter",
        $"'{filter}' is no filter ({failure.Message.Trim()}); pcap-filter(7) has the language, for example: tcp port 6379 and host 10.77.0.1", failure);

    private static CliException Explain(Exception failure, string name)
    {
        for (Exception? cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is DllNotFoundException or EntryPointNotFoundException)
            {
                return new CliException(ExitCode.Failed, "no-libpcap", OperatingSystem.IsWindows()
                    ? "Npcap isn't installed, and packets are captured through it: get it from npcap.com"
                    : "libpcap isn't installed, and packets are captured with it: apt-get install libpcap0.8 (a file can be read without: -r FILE)", failure);
            }
            if (cause is PcapException { Error: PcapError.PermissionDenied or PcapError.PromiscuousPermissionDenied })
            {
                return new CliException(ExitCode.NotPermitted, "permission-denied",
                    "capturing packets needs root (CAP_NET_RAW and CAP_NET_ADMIN): run it with sudo", failure);
            }
        }
        return new CliException(ExitCode.Failed, "capture-failed", $"interface '{(name.Length == 0 ? AllOnLinux : name)}' can't be captured: {failure.Message}", failure);
    }

    private static long Nanoseconds(PosixTimeval time) => (long)time.Seconds * 1_000_000_000L + (long)time.MicroSeconds * 1000L;
}
