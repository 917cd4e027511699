using Microsoft.Win32;

namespace Twins.Manager.Admin;

/// <summary>Products that users of WinDivert have reported trouble with, found by the names and folders of their services.</summary>
internal static class ConflictingProducts
{
    private const string Services = @"SYSTEM\CurrentControlSet\Services";
    private const int StartDisabled = 4; // SERVICE_DISABLED

    private static readonly (string Mark, string Product, string Effect)[] Known =
    [
        (@"\Avast Software\", "Avast", "refuses packets that are sent, or sends them round in a loop"),
        (@"\AVG\", "AVG", "refuses packets that are sent, or sends them round in a loop"),
        (@"\Kaspersky Lab\", "Kaspersky", "takes WinDivert for a risk, and may remove it"),
        (@"\EasyAntiCheat", "EasyAntiCheat", "its games don't run while the driver is loaded"),
        (@"\Agnitum\", "Agnitum Outpost", "Windows has crashed with it and WinDivert"),
    ];

    /// <summary>Looks through all services of this machine.</summary>
    public static Finding Find()
    {
        using var services = Microsoft.Win32.Registry.LocalMachine.OpenSubKey(Services) ?? throw new IOException($"HKLM\\{Services} isn't there.");
        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var name in services.GetSubKeyNames())
        {
            using var service = services.OpenSubKey(name);
            if (service?.GetValue("Start") is not int start || start == StartDisabled)
                continue;
            if (Describe(name, service.GetValue("ImagePath", "", RegistryValueOptions.DoNotExpandEnvironmentNames) as string ?? "") is { } product)
                found.Add(product);
        }

        return found.Count == 0
            ? Finding.Ok("none of those that are known is installed")
            : Finding.Warning(string.Join("; ", found), "If packets get lost or the driver is blocked, make an exception for Twins in that product, or do without it on this node.");
    }

    /// <summary>The product that a service is part of, and what it does; null if none is known.</summary>
    public static string? Describe(string service, string imagePath)
    {
        // "WinDivert1.4" and the like.
        if (service.StartsWith("WinDivert1", StringComparison.OrdinalIgnoreCase))
            return $"{service}: another version of the driver; each sees again what the other sends";
        foreach (var (mark, product, effect) in Known)
        {
            if (imagePath.Contains(mark, StringComparison.OrdinalIgnoreCase))
                return $"{product}: {effect}";
        }

        return null;
    }
}
