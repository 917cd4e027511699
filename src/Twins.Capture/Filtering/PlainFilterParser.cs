using System.Globalization;
using System.Net;
using Twins.Packets;

namespace Twins.Capture;

/// <summary>
/// Reads <see cref="PlainFilter"/>s. As in pcap-filter(7) <c>and</c> and <c>or</c> bind alike, from left to right, and <c>not</c> closest.
/// <code>
/// filter    = operand { ( "and" | "or" ) operand }
/// operand   = "not" operand | "(" filter ")" | primitive
/// primitive = ADDRESS | protocol | [ protocol ] [ "src" | "dst" ] ( "host" ADDRESS | "port" NUMBER ) | ( "src" | "dst" ) ADDRESS
/// </code>
/// </summary>
internal sealed class PlainFilterParser(string text)
{
    private const int MostCharacters = 4096;
    private const int MostDepth = 50;

    private readonly string[] _words = text.Length > MostCharacters
        ? throw new PlainFilterException($"it is longer than {MostCharacters} characters")
        : text.Replace("(", " ( ", StringComparison.Ordinal).Replace(")", " ) ", StringComparison.Ordinal)
            .Replace("&&", " and ", StringComparison.Ordinal).Replace("||", " or ", StringComparison.Ordinal).Replace("!", " not ", StringComparison.Ordinal)
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    private int _at;
    private int _depth;

    private string Next => _at < _words.Length ? _words[_at] : "";

    /// <exception cref="PlainFilterException">It is no filter.</exception>
    public PlainFilter Read()
    {
        var filter = ReadFilter();
        return Next.Length == 0 ? filter : throw Wrong();
    }

    private PlainFilter ReadFilter()
    {
        var filter = ReadOperand();
        while (true)
        {
            if (Take("and"))
                filter = new PlainFilter.Both(filter, ReadOperand());
            else if (Take("or"))
                filter = new PlainFilter.Either(filter, ReadOperand());
            else
                return filter;
        }
    }

    private PlainFilter ReadOperand()
    {
        if (++_depth > MostDepth)
            throw new PlainFilterException($"it is nested deeper than {MostDepth}");
        PlainFilter filter;
        if (Take("not"))
        {
            filter = new PlainFilter.Not(ReadOperand());
        }
        else if (Take("("))
        {
            filter = ReadFilter();
            if (!Take(")"))
                throw Wrong();
        }
        else
        {
            filter = ReadPrimitive();
        }

        _depth--;
        return filter;
    }

    private PlainFilter ReadPrimitive()
    {
        var protocol = ReadProtocol();
        var which = Take("src") ? PlainFilter.End.Source : Take("dst") ? PlainFilter.End.Destination : (PlainFilter.End?)null;
        PlainFilter? end = null;
        if (Take("port"))
            end = new PlainFilter.PortOf(which ?? PlainFilter.End.Either, ReadPort());
        else if (Take("host") || which is not null)
            end = new PlainFilter.Host(which ?? PlainFilter.End.Either, ReadAddress());
        // A transport protocol has no hosts, and the others have no ports.
        var fits = end is null ? protocol is not null : protocol switch
        {
            null => true,
            PlainFilter.Family => end is PlainFilter.Host,
            PlainFilter.Transport { Protocol: IpProtocol.Tcp or IpProtocol.Udp } => end is PlainFilter.PortOf,
            _ => false,
        };
        if (!fits)
            throw Wrong();
        return protocol is null ? end! : end is null ? protocol : new PlainFilter.Both(protocol, end);
    }

    private PlainFilter? ReadProtocol() =>
        Take("ip") ? new PlainFilter.Family(IsIPv6: false)
        : Take("ip6") ? new PlainFilter.Family(IsIPv6: true)
        : Take("tcp") ? new PlainFilter.Transport(IpProtocol.Tcp)
        : Take("udp") ? new PlainFilter.Transport(IpProtocol.Udp)
        : Take("icmp") ? new PlainFilter.Both(new PlainFilter.Family(IsIPv6: false), new PlainFilter.Transport(IpProtocol.Icmp))
        : Take("icmp6") ? new PlainFilter.Both(new PlainFilter.Family(IsIPv6: true), new PlainFilter.Transport(IpProtocol.IcmpV6))
        : null;

    private ushort ReadPort()
    {
        if (!ushort.TryParse(Next, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
            throw Wrong();
        _at++;
        return port;
    }

    private InternetAddress ReadAddress()
    {
        // IPAddress takes a number for an address, too.
        if (!Next.AsSpan().ContainsAny('.', ':') || !IPAddress.TryParse(Next, out var address))
            throw Wrong();
        _at++;
        return InternetAddress.FromIPAddress(address);
    }

    private bool Take(string word)
    {
        if (Next != word)
            return false;
        _at++;
        return true;
    }

    private PlainFilterException Wrong() => new(_at < _words.Length ? $"at '{_words[_at]}'" : "it ends too early");
}
