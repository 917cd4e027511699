using System.Globalization;

namespace Twins.Manager.Admin;

/// <summary>The ports that the kernel gives to sockets that ask for none, of its own choice (Documentation/networking/ip-sysctl.rst).</summary>
internal sealed class LocalPorts
{
    /// <summary>The setting that has the range, in <c>/proc/sys/net/ipv4</c>: "first last".</summary>
    public const string RangeName = "ip_local_port_range";

    /// <summary>The setting that has the exceptions: "first-last,port,...", empty for none.</summary>
    public const string ReservedName = "ip_local_reserved_ports";

    private readonly int _first;
    private readonly int _last;
    private readonly string _reservedText;
    private readonly List<(int First, int Last)> _reserved;

    private LocalPorts(int first, int last, string reservedText, IEnumerable<(int First, int Last)> reserved)
    {
        (_first, _last, _reservedText) = (first, last, reservedText);
        _reserved = [.. reserved.Order()];
    }

    /// <summary>Where the system tells them in another way.</summary>
    public static LocalPorts Of(int first, int last, IEnumerable<(int First, int Last)> reserved) => new(first, last, "", reserved);

    /// <summary>Reads both settings' texts.</summary>
    /// <exception cref="FormatException">They aren't as the kernel writes them.</exception>
    public static LocalPorts Parse(string range, string reserved)
    {
        if (range.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is not [var first, var last])
            throw new FormatException($"{RangeName} is '{range}', not two ports.");
        reserved = reserved.Trim();
        return new LocalPorts(ParsePort(first), ParsePort(last), reserved, reserved.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(ParseRange));
    }

    /// <summary>The first ports of a range that the kernel may give away; null if there are none.</summary>
    public (int First, int Last)? FindGiven(int first, int last)
    {
        (first, last) = (Math.Max(first, _first), Math.Min(last, _last));
        foreach (var reserved in _reserved)
        {
            if (reserved.First > first)
                last = Math.Min(last, reserved.First - 1);
            else
                first = Math.Max(first, reserved.Last + 1);
        }

        return first <= last ? (first, last) : null;
    }

    /// <summary>The command that reserves a range besides what is reserved already.</summary>
    public string Reserving(int first, int last)
    {
        var range = string.Create(CultureInfo.InvariantCulture, $"{first}-{last}");
        return $"sysctl -w net.ipv4.{ReservedName}={(_reservedText.Length > 0 ? $"{_reservedText},{range}" : range)}";
    }

    private static (int First, int Last) ParseRange(string text)
    {
        var ports = text.Split('-');
        return (ParsePort(ports[0]), ParsePort(ports[^1]));
    }

    private static int ParsePort(string text) => int.Parse(text, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
}
