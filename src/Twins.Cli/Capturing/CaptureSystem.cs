using Twins.Capture;
using Twins.Cli.Capturing.Linux;
using Twins.Cli.Capturing.Windows;

namespace Twins.Cli.Capturing;

/// <summary>What captures here: libpcap, on Windows WinDivert.</summary>
internal static class CaptureSystem
{
    // The longest link-layer, IP and TCP headers, with room for IPv6's extensions and for what an ICMP error quotes.
    private const int HeaderSnapLength = 256;
    private const int WholeSnapLength = 262_144;

    /// <summary>Opens what is to be captured; the system keeps what comes from now on.</summary>
    /// <param name="name">Of one interface; empty: all.</param>
    /// <param name="filter">The user's; empty: none.</param>
    /// <param name="payload">Whether whole packets are kept.</param>
    /// <exception cref="CliException">No library, no rights, no such interface, or no filter.</exception>
    public static IFrameSource Open(string name, string filter, bool payload)
    {
        int snapLength = payload ? WholeSnapLength : HeaderSnapLength;
        return OperatingSystem.IsWindows() ? DriverSource.Open(name, filter, snapLength) : InterfaceSource.Open(name, filter, snapLength);
    }

    /// <summary>The user's filter.</summary>
    /// <exception cref="CliException">It is none, or there is no library that knows the language.</exception>
    public static IFrameTest Test(string filter) => OperatingSystem.IsWindows() ? new PlainTest(filter) : new BpfTest(filter, CaptureInterface.RawIp);
}
