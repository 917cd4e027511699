using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Twins.Diversion.Linux;

/// <summary>
/// The jumps to queues through iptables, for kernels without nft's <c>queue</c>: one rule per queue in PREROUTING of the raw
/// table, IPv4 and IPv6. Works with both back ends of iptables. Acts on the calling thread's network namespace.
/// </summary>
internal static class IptablesQueues
{
    private const int MostAttempts = 5;

    private static readonly string[] Programs = ["iptables", "ip6tables"];

    public static void Add(ushort queue)
    {
        foreach (var program in Programs)
        {
            if (!List(program).Contains(queue))
                Run(program, ["-A", .. Rule(queue)]);
        }
    }

    public static void Remove(ushort queue)
    {
        foreach (var program in Programs)
        {
            // As often as it is there; somebody may have doubled it.
            while (List(program).Contains(queue))
                Run(program, ["-D", .. Rule(queue)]);
        }
    }

    /// <summary>The queues that have a jump, for IPv4 or IPv6.</summary>
    public static IReadOnlySet<ushort> List() => Programs.SelectMany(List).ToHashSet();

    // Not by `-C`: it says "no" also when it couldn't look, because something else was changed in nf_tables at that moment.
    private static HashSet<ushort> List(string program)
    {
        var queues = new HashSet<ushort>();
        foreach (var line in Run(program, ["-S", "PREROUTING"]).Split('\n'))
        {
            var words = line.Split(' ');
            var mark = Array.IndexOf(words, "--mark");
            if (mark > 0 && words.Contains("NFQUEUE")
                && uint.TryParse(words[mark + 1].Split('/')[0].AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var value)
                && (value & Marks.Mask) == Marks.Divert)
            {
                queues.Add((ushort)value);
            }
        }

        return queues;
    }

    private static string[] Rule(ushort queue) =>
    [
        "PREROUTING", "-m", "mark", "--mark", string.Create(CultureInfo.InvariantCulture, $"0x{Marks.ForQueue(queue):x8}/0xffffffff"),
        "-j", "NFQUEUE", "--queue-num", queue.ToString(CultureInfo.InvariantCulture),
    ];

    /// <summary>What the program says. It may meet a change of another program, and is started again then.</summary>
    private static string Run(string program, string[] arguments)
    {
        for (var attempt = 1; ; attempt++)
        {
            var code = Try(program, out var output, arguments);
            if (code == 0)
                return output;
            if (attempt == MostAttempts)
                throw new DiversionException($"{program} {string.Join(' ', arguments)}", 0, $"exit code {code}: {output.Trim()}", "see `twins doctor`");
            Thread.Sleep(attempt * 10);
        }
    }

    private static int Try(string program, out string output, string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["-w", "-t", "raw", .. arguments])
            start.ArgumentList.Add(argument);
        try
        {
            using var process = Process.Start(start)!;
            // Process leaves the ends of its pipes open to whoever has read from them.
            using var outputReader = process.StandardOutput;
            using var errorReader = process.StandardError;
            var error = errorReader.ReadToEndAsync();
            output = outputReader.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0)
                output = error.Result;
            return process.ExitCode;
        }
        catch (Win32Exception exception)
        {
            throw new DiversionException($"start {program}", exception.NativeErrorCode, exception.Message, "install Debian's package iptables", exception);
        }
    }
}
