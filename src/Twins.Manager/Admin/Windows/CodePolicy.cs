using Microsoft.Win32;

namespace Twins.Manager.Admin;

/// <summary>What decides which drivers Windows loads. Hints, from the registry; whether it loads WinDivert's is found out by loading it.</summary>
internal static class CodePolicy
{
    private const string Control = @"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\";
    private const int Server2016 = 14393;

    /// <summary>Secure Boot: then only what Microsoft has signed is loaded.</summary>
    public static Finding FindSecureBoot()
    {
        if (Microsoft.Win32.Registry.GetValue(Control + @"SecureBoot\State", "UEFISecureBootEnabled", null) is not 1)
            return Finding.Ok("Secure Boot is off, or this machine has none");
        return IsServer() && Environment.OSVersion.Version.Build <= Server2016
            ? Finding.Warning("Secure Boot is on: on Windows Server 2016 and before it may refuse the driver, which has Microsoft's signature by attestation only", "If packet-diversion fails with error 577: a newer Windows, or no Secure Boot.")
            : Finding.Ok("Secure Boot is on; the driver has Microsoft's signature");
    }

    /// <summary>Memory integrity (HVCI): then only drivers whose code never changes in memory run.</summary>
    public static Finding FindMemoryIntegrity() =>
        Microsoft.Win32.Registry.GetValue(Control + @"DeviceGuard\Scenarios\HypervisorEnforcedCodeIntegrity", "Enabled", null) is 1
            ? Finding.Warning("memory integrity is on: no fault of WinDivert's driver with it is known, but Twins hasn't been tried with it", "If packet-diversion is ok, nothing. If it fails, or Windows does: Windows Security, Device security, Core isolation, Memory integrity: off.")
            : Finding.Ok("memory integrity is off");

    private static bool IsServer() => Microsoft.Win32.Registry.GetValue(Control + "ProductOptions", "ProductType", null) is not (null or "WinNT");
}
