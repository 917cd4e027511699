namespace Twins.Diversion.Windows;

/// <summary>
/// What Twins installs of WinDivert, and what it is known by: the library carries no signature. The same hashes as in
/// drivers/windivert/manifest; a test compares them.
/// </summary>
public static class WinDivertFiles
{
    /// <summary>The version that both files are of.</summary>
    public const string Version = "2.2.2";

    /// <summary>The library's name. It lies beside each program that diverts.</summary>
    public const string Library = "WinDivert.dll";

    /// <summary>The driver's name. It lies beside the library, which loads it from there.</summary>
    public const string Driver = "WinDivert64.sys";

    /// <summary>SHA-256 of the library, in lower case.</summary>
    public const string LibraryHash = "c1e060ee19444a259b2162f8af0f3fe8c4428a1c6f694dce20de194ac8d7d9a2";

    /// <summary>SHA-256 of the driver, in lower case.</summary>
    public const string DriverHash = "8da085332782708d8767bcace5327a6ec7283c17cfb85e40b03cd2323a90ddc2";
}
