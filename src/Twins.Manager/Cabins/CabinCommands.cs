using System.Diagnostics;
using System.Globalization;
using System.Text;
using Twins.Packets;

namespace Twins.Manager.Cabins;

/// <summary>Reads and sets up addresses, devices and routes by ip(8).</summary>
internal static class CabinCommands
{
    /// <summary>
    /// The MTU of a device of the caller's network namespace. Not from /sys, which shows the devices of the namespace that it
    /// was mounted in.
    /// </summary>
    public static int ReadMtu(string device)
    {
        var start = new ProcessStartInfo("ip", ["-o", "link", "show", "dev", device]) { RedirectStandardOutput = true };
        using var process = Process.Start(start) ?? throw new CabinException("ip(8) could not be started. Install iproute2.");
        using var output = process.StandardOutput;
        var words = output.ReadToEnd().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        var at = Array.IndexOf(words, "mtu");
        return at >= 0 && int.TryParse(words[at + 1], CultureInfo.InvariantCulture, out var mtu)
            ? mtu
            : throw new CabinException($"ip(8) didn't tell the MTU of {device}.");
    }

    /// <summary>Sets up a cabin by one run. From outside: to start a program takes the runtime's threads, which must not be born in there.</summary>
    public static void Run(string networkNamespace, IReadOnlyCollection<InternetAddress> homeAddresses, int mtu)
    {
        var batch = new StringBuilder();
        batch.AppendLine("link set lo up");
        foreach (var address in homeAddresses)
        {
            batch.AppendLine(address.IsIPv4
                ? $"address add {address}/32 dev lo"
                : $"address add {address}/128 dev lo nodad");
        }

        batch.AppendLine(null, $"link set {Cabin.DeviceName} mtu {mtu} up");
        batch.AppendLine($"route add default dev {Cabin.DeviceName}");
        if (homeAddresses.Any(address => !address.IsIPv4))
            batch.AppendLine($"route add ::/0 dev {Cabin.DeviceName}");

        var start = new ProcessStartInfo("nsenter", [$"--net={networkNamespace}", "ip", "-batch", "-"]) { RedirectStandardInput = true, RedirectStandardError = true };
        using var process = Process.Start(start) ?? throw new CabinException("ip(8) could not be started. Install iproute2.");
        process.StandardInput.Write(batch);
        process.StandardInput.Close();
        using var error = process.StandardError;
        var errors = error.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new CabinException($"Setting up the cabin's network failed: {errors.Trim()}.");
    }
}
