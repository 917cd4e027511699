using System.Globalization;

namespace Twins.Diversion.Windows;

/// <summary>The driver itself.</summary>
public static class WinDivertDriver
{
    /// <summary>Loads the driver if it isn't yet, and reads its version, such as <c>2.2</c>. Needs an elevated Administrator or LocalSystem.</summary>
    /// <exception cref="DiversionException">No rights, no driver, or the driver refuses.</exception>
    public static string ReadVersion()
    {
        using var device = WinDivertDevice.Open(PacketFilter.Nothing, HandlePriorities.Sending, WinDivertFlags.SendOnly);
        return string.Create(CultureInfo.InvariantCulture, $"{device.Read(WinDivertParameter.VersionMajor)}.{device.Read(WinDivertParameter.VersionMinor)}");
    }
}
