using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.NetworkInformation;
using Twins.Capture;
using Twins.Diversion;
using Twins.Diversion.Windows;

namespace Twins.Cli.Capturing.Windows;

/// <summary>
/// Packets of this machine's interfaces as WinDivert's driver copies them: those that come before anybody has had them, those that leave
/// after everybody has. So both sides of what a twin rewrites are seen, and what is silenced isn't. A thread for each direction.
/// </summary>
internal sealed class DriverSource : IFrameSource
{
    private const string AccessDeniedRemedy = "capturing packets needs an elevated Administrator: run it elevated (Run as administrator)";
    private const int AccessDenied = 5;

    private readonly List<WinDivertSniffer> _sniffers = [];
    private readonly List<Thread> _threads = [];
    private readonly ConcurrentDictionary<uint, CaptureInterface> _interfaces = new();
    private readonly string _name;
    private readonly int _snapLength;

    private DriverSource(string name, int snapLength) => (_name, _snapLength) = (name, snapLength);

    /// <inheritdoc/>
    public IReadOnlyList<string> Names => [_name.Length > 0 ? _name : "all interfaces"];

    /// <inheritdoc/>
    public CaptureInterface First => new(Names[0], CaptureInterface.RawIp, _snapLength);

    /// <inheritdoc/>
    public long Dropped { get; private set; }

    /// <summary>Opens the driver, which copies from now on.</summary>
    /// <param name="name">Of one interface; empty: all.</param>
    /// <param name="filter">The user's; empty: none.</param>
    /// <param name="snapLength">Octets that are kept of a packet.</param>
    /// <exception cref="CliException">No driver, no rights, no such interface, or no filter.</exception>
    public static DriverSource Open(string name, string filter, int snapLength)
    {
        PacketFilter wanted = DriverFilter.Of(filter.Length == 0 ? null : PlainTest.Parse(filter));
        if (name.Length > 0)
            wanted = PacketFilter.All(PacketFilter.Interface(IndexOf(name)), wanted);
        var source = new DriverSource(name, snapLength);
        try
        {
            source._sniffers.Add(WinDivertSniffer.Open(wanted, outbound: false));
            source._sniffers.Add(WinDivertSniffer.Open(wanted, outbound: true));
            return source;
        }
        catch (Exception failure) when (failure is DiversionException or DllNotFoundException or BadImageFormatException)
        {
            source.Dispose();
            throw Explain(failure);
        }
    }

    /// <inheritdoc/>
    public void Start(Action<CapturedFrame> take)
    {
        foreach (WinDivertSniffer sniffer in _sniffers)
        {
            var thread = new Thread(() => sniffer.Run((packet, timestamp, index, outbound) => take(new CapturedFrame(
                _interfaces.GetOrAdd(index, Describe), UnixNanoseconds(timestamp), packet[..Math.Min(packet.Length, _snapLength)].ToArray(), packet.Length,
                outbound ? FrameDirection.Outbound : FrameDirection.Inbound))))
            { IsBackground = true, Name = "sniffing" };
            thread.Start();
            _threads.Add(thread);
        }
    }

    /// <inheritdoc/>
    public void Stop()
    {
        foreach (WinDivertSniffer sniffer in _sniffers)
            sniffer.Stop();
        _threads.ForEach(thread => thread.Join());
        _threads.Clear();
        Dropped = _sniffers.Sum(sniffer => sniffer.Overruns);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Stop();
        _sniffers.ForEach(sniffer => sniffer.Dispose());
        _sniffers.Clear();
    }

    private static long UnixNanoseconds(long timestamp) => (DateTime.UtcNow - DateTime.UnixEpoch - Stopwatch.GetElapsedTime(timestamp)).Ticks * 100;

    private CaptureInterface Describe(uint index) => new(
        NetworkInterface.GetAllNetworkInterfaces().FirstOrDefault(one => IndexOf(one) == index)?.Name ?? $"interface {index.ToString(CultureInfo.InvariantCulture)}",
        CaptureInterface.RawIp, _snapLength);

    private static uint IndexOf(string name)
    {
        NetworkInterface[] all = NetworkInterface.GetAllNetworkInterfaces();
        NetworkInterface? found = all.FirstOrDefault(one => string.Equals(one.Name, name, StringComparison.OrdinalIgnoreCase));
        return found is not null && IndexOf(found) is { } index ? index : throw new CliException(ExitCode.Failed, "no-such-interface",
            $"no interface is named '{name}'. There are: {string.Join(", ", all.Where(one => IndexOf(one) is not null).Select(one => one.Name))}");
    }

    // IPv4 and IPv6 have the same index on Windows.
    private static uint? IndexOf(NetworkInterface one)
    {
        IPInterfaceProperties properties = one.GetIPProperties();
        return one.Supports(NetworkInterfaceComponent.IPv4) ? (uint)properties.GetIPv4Properties().Index
            : one.Supports(NetworkInterfaceComponent.IPv6) ? (uint)properties.GetIPv6Properties().Index : null;
    }

    private static CliException Explain(Exception failure) => failure switch
    {
        DiversionException { NativeCode: AccessDenied } => new CliException(ExitCode.NotPermitted, "permission-denied", AccessDeniedRemedy, failure),
        DiversionException => new CliException(ExitCode.Failed, "no-windivert", failure.Message, failure),
        _ => new CliException(ExitCode.Failed, "no-windivert",
            $"{WinDivertFiles.Library}, through which packets are captured, isn't beside twins.exe or isn't the one for 64 bits: install Twins again", failure),
    };
}
