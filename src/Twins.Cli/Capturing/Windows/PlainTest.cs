using Twins.Capture;

namespace Twins.Cli.Capturing.Windows;

/// <summary>A filter without libpcap.</summary>
internal sealed class PlainTest(string filter) : IFrameTest
{
    private readonly PlainFilter _filter = Parse(filter);

    /// <summary>Reads a filter in the user's words.</summary>
    /// <exception cref="CliException">It is none, or more of pcap-filter(7) than is understood.</exception>
    public static PlainFilter Parse(string filter)
    {
        try
        {
            return PlainFilter.Parse(filter);
        }
        catch (PlainFilterException failure)
        {
            throw new CliException(ExitCode.Usage, "invalid-filter",
                $"'{filter}' is no filter that is understood on Windows ({failure.Message}). There are ip, ip6, tcp, udp, icmp, icmp6, host ADDRESS, port NUMBER, "
                + "src and dst before the two, and, or, not, and parentheses; for example: tcp port 6379 and host 10.77.0.1. "
                + "For more, write a file (-w) and filter that with Wireshark, or with -r on Linux", failure);
        }
    }

    /// <inheritdoc/>
    public bool Matches(int linkType, ReadOnlyMemory<byte> octets)
    {
        PacketDecoder.Decode(linkType, octets, out PacketFacts? facts);
        return facts is not null && _filter.Matches(facts);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
