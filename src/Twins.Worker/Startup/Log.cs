using System.Globalization;

namespace Twins.Worker;

/// <summary>One line per event on standard error: time, level, event, then key=value pairs. No payload, nothing per packet. Thread-safe.</summary>
internal static class Log
{
    private const int MaximumCharacters = 1000;
    private static readonly Stream Output = Console.OpenStandardError();

    public static void Information(string name, FormattableString details) => Write("info", name, details);

    public static void Warning(string name, FormattableString details) => Write("warn", name, details);

    public static void Error(string name, FormattableString details) => Write("fail", name, details);

    private static void Write(string level, string name, FormattableString details)
    {
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"{DateTime.UtcNow:yyyy-MM-ddTHH:mm:ss.fffZ} {level} twin[{Environment.ProcessId}] {name} {details.ToString(CultureInfo.InvariantCulture)}");
        // One line of bounded length, whatever a message carries.
        if (text.Length > MaximumCharacters)
            text = text[..MaximumCharacters];
        var line = System.Text.Encoding.UTF8.GetBytes(string.Create(text.Length, text, (to, from) =>
        {
            for (var i = 0; i < to.Length; i++)
                to[i] = char.IsControl(from[i]) ? ' ' : from[i];
        }) + "\n");
        try
        {
            lock (Output)
                Output.Write(line);
        }
        catch (IOException)
        {
            // Whoever read the log is gone; the packets go on.
        }
    }
}
