using SharpPcap;
using SharpPcap.LibPcap;
using Twins.Capture;

namespace Twins.Cli.Capturing.Linux;

/// <summary>A filter of pcap-filter(7), compiled by libpcap for each kind of frames once.</summary>
internal sealed class BpfTest : IFrameTest
{
    // Where libpcap compiles, raw IP has the number that it has in this kernel's captures (DLT_RAW), not that of files.
    private const int RawIpOfLibpcap = 12;

    private readonly string _filter;
    private readonly Dictionary<int, BpfProgram> _programs = [];

    /// <param name="filter">In the user's words.</param>
    /// <param name="linkType">LINKTYPE_ value of a kind of frames that it will be asked about.</param>
    /// <exception cref="CliException">It is none, or there is no libpcap.</exception>
    public BpfTest(string filter, int linkType)
    {
        _filter = filter;
        _programs[linkType] = Compile(linkType, filter);
    }

    /// <inheritdoc/>
    public bool Matches(int linkType, ReadOnlyMemory<byte> octets)
    {
        if (!_programs.TryGetValue(linkType, out BpfProgram? program))
            _programs[linkType] = program = Compile(linkType, _filter);
        return program.Matches(octets.Span);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (BpfProgram program in _programs.Values)
            program.Dispose();
    }

    /// <summary>That a filter is none.</summary>
    public static CliException NoFilter(string filter, PcapException failure) => new(ExitCode.Usage, "invalid-filter",
        $"'{filter}' is no filter ({failure.Message.Trim()}); pcap-filter(7) has the language, for example: tcp port 6379 and host 10.77.0.1", failure);

    private static BpfProgram Compile(int linkType, string filter)
    {
        try
        {
            return BpfProgram.Create((PacketDotNet.LinkLayers)(linkType == CaptureInterface.RawIp ? RawIpOfLibpcap : linkType), filter);
        }
        catch (PcapException failure)
        {
            throw NoFilter(filter, failure);
        }
        catch (Exception failure) when (failure is DllNotFoundException or TypeInitializationException)
        {
            throw InterfaceSource.Explain(failure, "");
        }
    }
}
