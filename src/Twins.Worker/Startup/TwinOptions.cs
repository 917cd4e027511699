using System.Globalization;
using Twins.Redirection;

namespace Twins.Worker;

/// <summary>What a twin is started with.</summary>
/// <param name="ControlPath"><c>--control</c>: where the control endpoint is made; on Windows a pipe's path. Required.</param>
/// <param name="Queue"><c>--queue</c>: the NFQUEUE number, 0 to 65535. Required; 0 on Windows, where there is none.</param>
/// <param name="HoldLimitBytes"><c>--hold-limit</c>: octets held at most, for all processes together, 64 KiB to 16 GiB; 16 MiB by default. A MIGRATING may say another.</param>
/// <param name="Linger"><c>--linger</c>: seconds for which late segments of a closed connection are waited for, 0 to 3600; 60 by default.</param>
internal sealed record TwinOptions(string ControlPath, ushort Queue, long HoldLimitBytes, TimeSpan Linger)
{
    public static readonly string Usage = $"usage: twin --control PATH {(OperatingSystem.IsWindows() ? "" : "--queue NUMBER ")}[--hold-limit BYTES] [--linger SECONDS]";

    public const long MaximumHoldLimitBytes = 16L << 30;

    /// <summary>Reads the command line; every fault is named.</summary>
    public static TwinOptions? Parse(string[] arguments, out string fault)
    {
        string? path = null;
        long queue = OperatingSystem.IsWindows() ? 0 : -1, limit = HoldQueue.DefaultLimitBytes, linger = 60;
        for (var i = 0; i < arguments.Length; i += 2)
        {
            var value = i + 1 < arguments.Length ? arguments[i + 1] : "";
            fault = arguments[i] switch
            {
                "--control" => (path = value).Length is > 0 and < 108 ? "" : "--control needs a path of 1 to 107 characters",
                "--queue" when !OperatingSystem.IsWindows() => Number(value, 0, ushort.MaxValue, ref queue),
                "--hold-limit" => Number(value, 64 << 10, MaximumHoldLimitBytes, ref limit),
                "--linger" => Number(value, 0, 3600, ref linger),
                _ => $"unknown option {arguments[i]}",
            };
            if (fault.Length > 0)
                return null;
        }

        fault = path is null || queue < 0 ? "--control and --queue are required" : "";
        return fault.Length > 0 ? null : new TwinOptions(path!, (ushort)queue, limit, TimeSpan.FromSeconds(linger));
    }

    private static string Number(string text, long minimum, long maximum, ref long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= minimum && value <= maximum
            ? ""
            : $"'{text}' is no number from {minimum} to {maximum}";
}
