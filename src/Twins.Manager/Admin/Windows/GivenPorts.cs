using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Twins.Manager.Admin;

/// <summary>
/// The TCP ports that Windows gives to sockets that ask for none, as netsh tells them. Its words are in the user's language, so only the numbers
/// are read. The functions of iphlpapi tell of a block of ports only whether exactly that one is reserved.
/// </summary>
internal static partial class GivenPorts
{
    private const int MaximumCharacters = 1 << 18;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>Whether the redirect range is kept from programs.</summary>
    /// <exception cref="FormatException">netsh says something else than expected.</exception>
    /// <exception cref="Win32Exception">It can't be started.</exception>
    /// <exception cref="TimeoutException">It doesn't end.</exception>
    public static async Task<Finding> FindAsync(int first, int last, CancellationToken cancellation) => Judge(
        ParseDynamic(await NetshAsync("int ipv4 show dynamicport tcp", cancellation)),
        ParseExclusions(await NetshAsync("int ipv4 show excludedportrange protocol=tcp", cancellation)),
        first,
        last);

    /// <summary>Reads the range that ports are given from: two lines that end in a number, the first port and how many.</summary>
    /// <exception cref="FormatException">There are no such lines.</exception>
    public static (int First, int Last) ParseDynamic(string text)
    {
        if (NumberAtEnd().Matches(text) is not [var start, var count])
            throw new FormatException("netsh doesn't say which ports Windows gives to programs.");
        var first = ParsePort(start.Groups[1]);
        return (first, Math.Min(first + ParsePort(count.Groups[1]) - 1, ushort.MaxValue));
    }

    /// <summary>Reads the exclusions: lines of a first and a last port, and an asterisk where an administrator made it.</summary>
    public static IReadOnlyList<PortExclusion> ParseExclusions(string text) =>
        [.. ExclusionRow().Matches(text).Select(row => new PortExclusion(ParsePort(row.Groups[1]), ParsePort(row.Groups[2]), row.Groups[3].Length > 0))];

    /// <summary>Whether a program may get a port of the redirect range, or a part of Windows has some.</summary>
    public static Finding Judge((int First, int Last) dynamic, IReadOnlyList<PortExclusion> exclusions, int first, int last)
    {
        if (exclusions.FirstOrDefault(e => !e.IsAdministered && e.First <= last && e.Last >= first) is { Last: > 0 } taken)
        {
            return Finding.Warning(
                $"Windows keeps ports {taken.First}-{taken.Last} for itself, usually for the NAT of containers, WSL and Hyper-V; what it opens from one that is used for a redirected connection gets no answer",
                $"As administrator: net stop winnat; {Exclude(first, last)}; net start winnat. Or set firstRedirectPort and lastRedirectPort outside of what 'netsh int ipv4 show excludedportrange protocol=tcp' shows.");
        }

        var local = LocalPorts.Of(dynamic.First, dynamic.Last, exclusions.Select(e => (e.First, e.Last)));
        var given = new List<(int First, int Last)>();
        for (var port = first; local.FindGiven(port, last) is { } gap; port = gap.Last + 1)
            given.Add(gap);
        return given.Count == 0
            ? Finding.Ok($"no program gets a port of {first}-{last} unless it asks for it")
            : Finding.Warning(
                $"Windows may give programs ports of {string.Join(", ", given.Select(gap => $"{gap.First}-{gap.Last}"))}, which are for redirected connections: what a program opens from one that is in use there gets no answer",
                $"As administrator: {string.Join("; ", given.Select(gap => Exclude(gap.First, gap.Last)))}; and the same with protocol=udp. Or set firstRedirectPort and lastRedirectPort outside of {dynamic.First}-{dynamic.Last}.");
    }

    private static string Exclude(int first, int last) =>
        string.Create(CultureInfo.InvariantCulture, $"netsh int ipv4 add excludedportrange protocol=tcp startport={first} numberofports={last - first + 1} store=persistent");

    private static int ParsePort(Group text) => ushort.Parse(text.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    private static async Task<string> NetshAsync(string arguments, CancellationToken cancellation)
    {
        // Only digits and asterisks count, which are the same in every code page.
        var start = new ProcessStartInfo(Path.Combine(Environment.SystemDirectory, "netsh.exe"), arguments)
        {
            RedirectStandardOutput = true,
            StandardOutputEncoding = Encoding.Latin1,
            CreateNoWindow = true,
            WorkingDirectory = Environment.SystemDirectory,
        };
        using var netsh = Process.Start(start) ?? throw new IOException($"{start.FileName} can't be started.");
        try
        {
            var text = new char[MaximumCharacters];
            var length = await netsh.StandardOutput.ReadBlockAsync(text, cancellation).AsTask().WaitAsync(Limit, cancellation);
            await netsh.WaitForExitAsync(cancellation).WaitAsync(Limit, cancellation);
            return new string(text, 0, length);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            netsh.Kill();
            throw;
        }
    }

    [GeneratedRegex(@"([0-9]{1,5})[ \t]*\r?$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex NumberAtEnd();

    [GeneratedRegex(@"^[ \t]*([0-9]{1,5})[ \t]+([0-9]{1,5})[ \t]*(\*?)[ \t]*\r?$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex ExclusionRow();
}
