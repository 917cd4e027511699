using System.ComponentModel;
using System.ServiceProcess;
using Microsoft.Win32;
using Twins.Diversion.Windows;

namespace Twins.Manager.Admin;

/// <summary>
/// The service by which Windows loads the driver. WinDivert.dll makes it when it opens the first handle on the machine, with the path of
/// the driver beside it, and marks it for deletion when it has started. Where that start has failed it stays, with that path.
/// </summary>
/// <param name="ImagePath">The driver's file as the registry names it; empty if it doesn't.</param>
/// <param name="IsDisabled">Whether it may not be started; so is one that is marked for deletion.</param>
/// <param name="IsMarkedForDeletion">Whether it goes as soon as nobody uses it.</param>
/// <param name="IsRunning">Whether the driver is loaded, or about to be, or about to go.</param>
internal sealed record DriverService(string ImagePath, bool IsDisabled, bool IsMarkedForDeletion, bool IsRunning)
{
    /// <summary>The service's name, the same for all versions 2.</summary>
    public const string Name = "WinDivert";

    private const string Key = @"SYSTEM\CurrentControlSet\Services\" + Name;
    private const string Remedy = "As administrator: sc stop WinDivert, sc delete WinDivert. It is made anew when it is needed.";
    private const int StartDisabled = 4;          // SERVICE_DISABLED
    private const int ServiceDoesNotExist = 1060; // ERROR_SERVICE_DOES_NOT_EXIST

    /// <summary>Reads it from this machine, and judges it.</summary>
    /// <exception cref="InvalidOperationException">The service manager doesn't answer.</exception>
    public static Finding Find(IReadOnlyCollection<string> folders) => Read() is { } service
        ? service.Judge(folders)
        : Finding.Ok("there is none yet; it is made when it is needed");

    /// <summary>The driver's file, as Win32 names it; empty if the registry names none.</summary>
    public string File
    {
        get
        {
            const string NativePrefix = @"\??\";
            const string RootPrefix = @"\SystemRoot\";
            var path = Environment.ExpandEnvironmentVariables(ImagePath);
            var windows = Environment.GetFolderPath(Environment.SpecialFolder.Windows);
            if (path.StartsWith(NativePrefix, StringComparison.Ordinal))
                return path[NativePrefix.Length..];
            if (path.StartsWith(RootPrefix, StringComparison.OrdinalIgnoreCase))
                return Path.Combine(windows, path[RootPrefix.Length..]);
            return path.Length == 0 || Path.IsPathRooted(path) ? path : Path.Combine(windows, path);
        }
    }

    private static DriverService? Read()
    {
        using var key = Microsoft.Win32.Registry.LocalMachine.OpenSubKey(Key);
        return key is null
            ? null
            : new DriverService(
                key.GetValue("ImagePath", "", RegistryValueOptions.DoNotExpandEnvironmentNames) as string ?? "",
                key.GetValue("Start") is StartDisabled,
                key.GetValue("DeleteFlag") is not (null or 0),
                ReadIsRunning());
    }

    // A key that has been written by hand is none of a service's until the next boot.
    private static bool ReadIsRunning()
    {
        try
        {
            using var service = new ServiceController(Name);
            return service.Status != ServiceControllerStatus.Stopped;
        }
        catch (InvalidOperationException e) when (e.InnerException is Win32Exception { NativeErrorCode: ServiceDoesNotExist })
        {
            return false;
        }
    }

    /// <summary>What becomes of a program that opens the driver from one of these folders.</summary>
    /// <exception cref="IOException">The driver's file can't be read.</exception>
    public Finding Judge(IReadOnlyCollection<string> folders)
    {
        var isThere = System.IO.File.Exists(File);
        var isKnown = isThere && DriverFiles.Hash(File) == WinDivertFiles.DriverHash;
        var isOurs = folders.Any(folder => string.Equals(File, Path.Combine(folder, WinDivertFiles.Driver), StringComparison.OrdinalIgnoreCase));
        if (IsRunning)
        {
            return !isThere ? Finding.Warning($"the driver is loaded, and its file {File} is gone", Remedy)
                : !isKnown ? Finding.Warning($"the driver is loaded from {File}, which isn't of WinDivert {WinDivertFiles.Version}", $"End the programs that use it. {Remedy}")
                : Finding.Ok($"the driver is loaded from {File}{(isOurs ? "" : ", another program's, of the same version")}");
        }

        if (IsMarkedForDeletion)
            return Finding.Failed("the service WinDivert is marked for deletion and not gone: something has it open still, and the driver can't be loaded", "End the programs that use it, services.msc too, or restart Windows.");
        if (!isThere)
            return Finding.Failed($"the service WinDivert was left behind: its driver '{File}' is gone, and no other is loaded", Remedy);
        if (IsDisabled)
            return Finding.Failed("the service WinDivert is disabled, so the driver can't be loaded", Remedy);
        return isOurs
            ? Finding.Ok($"the driver isn't loaded; it will be from {File}")
            : Finding.Warning($"the service WinDivert was left behind by another program: the driver will be loaded from {File}{(isKnown ? "" : $", which isn't of WinDivert {WinDivertFiles.Version}")}", Remedy);
    }
}
