using System.Globalization;
using System.Text.RegularExpressions;

namespace Twins.KernelTests.Lab;

/// <summary>What the kernel knows of one end of a connection, as ss(8) tells it.</summary>
/// <param name="SegmentSize">Octets of data that it puts into a segment.</param>
/// <param name="Scales">Of the windows, the peer's and its own.</param>
/// <param name="SendWindow">What the other end takes, in octets.</param>
/// <param name="ReceiveThreshold">The largest window that it offers by now, in octets.</param>
/// <param name="ReceiveBuffer">Its size.</param>
/// <param name="CongestionWindow">In segments.</param>
internal sealed partial record ConnectionFacts(int SegmentSize, string Scales, int SendWindow, int ReceiveThreshold, int ReceiveBuffer, int CongestionWindow)
{
    /// <summary>Reads those of the only connection of a machine's network, or of another one's there, that the filter lets through.</summary>
    public static ConnectionFacts Read(Machine machine, string filter, int? pid = null)
    {
        string enter = pid is { } number ? string.Create(CultureInfo.InvariantCulture, $"nsenter --net=/proc/{number}/ns/net ") : "";
        string told = machine.Shell($"{enter}ss -Htinm state established '{filter}'");
        return new ConnectionFacts(
            Number(told, SegmentSizeText()), Text(told, ScalesText()), Number(told, SendWindowText()), Number(told, ReceiveThresholdText()),
            Number(told, ReceiveBufferText()), Number(told, CongestionWindowText()));
    }

    private static string Text(string told, Regex what)
    {
        MatchCollection found = what.Matches(told);
        Assert.HasCount(1, found, $"{what} in {told}");
        return found[0].Groups[1].Value;
    }

    private static int Number(string told, Regex what) => int.Parse(Text(told, what), CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\bmss:(\d+)")]
    private static partial Regex SegmentSizeText();

    [GeneratedRegex(@"\bwscale:(\d+,\d+)")]
    private static partial Regex ScalesText();

    [GeneratedRegex(@"\bsnd_wnd:(\d+)")]
    private static partial Regex SendWindowText();

    [GeneratedRegex(@"\brcv_ssthresh:(\d+)")]
    private static partial Regex ReceiveThresholdText();

    [GeneratedRegex(@"\brb(\d+)")]
    private static partial Regex ReceiveBufferText();

    [GeneratedRegex(@"\bcwnd:(\d+)")]
    private static partial Regex CongestionWindowText();
}
