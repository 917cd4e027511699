using SharpPcap;
using SharpPcap.LibPcap;
using Twins.Capture;

namespace Twins.Cli.Capturing.Linux;

/// <summary>Packets of this machine's interfaces, captured with libpcap. Frames come on threads of its own.</summary>
internal sealed class InterfaceSource : IFrameSource
{
    private const int ReadTimeoutMilliseconds = 50;
    private const string All = "any";
    private readonly List<LibPcapLiveDevice> _devices = [];
    private readonly int _snapLength;

    private InterfaceSource(int snapLength) => _snapLength = snapLength;

    /// <inheritdoc/>
    public IReadOnlyList<string> Names => [.. _devices.Select(device => device.Name)];

    /// <inheritdoc/>
    public CaptureInterface First => InterfaceOf(_devices[0]);

    /// <inheritdoc/>
    public long Dropped { get; private set; }

    /// <summary>Opens the interfaces; libpcap keeps what comes from now on.</summary>
    /// <param name="name">Of one; empty: all.</param>
    /// <param name="filter">Of pcap-filter(7); empty: none.</param>
    /// <param name="snapLength">Octets that are kept of a frame.</param>
    /// <exception cref="CliException">No libpcap, no rights, no such interface, or no filter.</exception>
    public static InterfaceSource Open(string name, string filter, int snapLength)
    {
        var source = new InterfaceSource(snapLength);
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

    /// <inheritdoc/>
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

    /// <inheritdoc/>
    public void Stop()
    {
        foreach (LibPcapLiveDevice device in _devices.Where(device => device.Started))
        {
            device.StopCapture();
            Dropped += device.Statistics.DroppedPackets;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (LibPcapLiveDevice device in _devices)
            device.Dispose();
    }

    private CaptureInterface InterfaceOf(LibPcapLiveDevice device) => new(device.Name, (int)device.LinkType, _snapLength);

    private static LibPcapLiveDevice[] Find(string name)
    {
        LibPcapLiveDeviceList devices = LibPcapLiveDeviceList.Instance;
        string wanted = name.Length == 0 ? All : name;
        LibPcapLiveDevice[] found = [.. devices.Where(device => device.Name == wanted)];
        if (found.Length > 0)
            return found;
        string known = string.Join(", ", devices.Select(device => device.Name));
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
            throw BpfTest.NoFilter(filter, failure);
        }
    }

    /// <summary>Why libpcap, or this interface, can't be used.</summary>
    public static CliException Explain(Exception failure, string name)
    {
        for (Exception? cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is DllNotFoundException or EntryPointNotFoundException)
            {
                return new CliException(ExitCode.Failed, "no-libpcap",
                    "libpcap isn't installed, and packets are captured with it: apt-get install libpcap0.8 (a file can be read without: -r FILE)", failure);
            }
            if (cause is PcapException { Error: PcapError.PermissionDenied or PcapError.PromiscuousPermissionDenied })
            {
                return new CliException(ExitCode.NotPermitted, "permission-denied",
                    "capturing packets needs root (CAP_NET_RAW and CAP_NET_ADMIN): run it with sudo", failure);
            }
        }
        return new CliException(ExitCode.Failed, "capture-failed", $"interface '{(name.Length == 0 ? All : name)}' can't be captured: {failure.Message}", failure);
    }

    private static long Nanoseconds(PosixTimeval time) => (long)time.Seconds * 1_000_000_000L + (long)time.MicroSeconds * 1000L;
}
