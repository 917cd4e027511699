using System.Globalization;
using System.Security.Principal;
using Twins.Diversion.Windows;
using Twins.Manager.Hooks.Windows;
using Twins.Manager.Registry;
using Twins.Manager.Settings;

namespace Twins.Manager.Admin;

/// <summary>What Windows needs: rights, WinDivert's files, its driver, ports, and what is known to stand in the driver's way.</summary>
internal sealed class WindowsChecks(TwinsdOptions options, TwinPaths paths, SocketWatchState sockets) : SystemChecks
{
    /// <inheritdoc/>
    public override string DiversionRemedy =>
        $"Run twinsd as its service or as an elevated administrator, with {WinDivertFiles.Library} and {WinDivertFiles.Driver} beside twinsd and twin.";

    /// <inheritdoc/>
    public override async Task AddAsync(AddDiagnosis add, CancellationToken cancellation)
    {
        // Whoever is first loads the driver from beside itself: twinsd or a twin.
        string[] folders =
        [
            .. new[] { AppContext.BaseDirectory, Path.GetDirectoryName(paths.TwinProgram) ?? "" }
                .Select(folder => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)))
                .Distinct(StringComparer.OrdinalIgnoreCase),
        ];
        await AddAsync(add, "rights", () => new(FindRights()));
        await AddAsync(add, "windivert-files", () => new(DriverFiles.Find(folders)));
        await AddAsync(add, "windivert-signature", () => new(DriverSignature.Find(Path.Combine(folders[0], WinDivertFiles.Driver))));
        await AddAsync(add, "windivert-service", () => new(DriverService.Find(folders)));
        await AddAsync(add, "socket-events", () => new(FindSocketEvents()));
        await AddAsync(add, "secure-boot", () => new(CodePolicy.FindSecureBoot()));
        await AddAsync(add, "hvci", () => new(CodePolicy.FindMemoryIntegrity()));
        await AddAsync(add, "conflicting-products", () => new(ConflictingProducts.Find()));
        await AddAsync(add, "redirect-ports", () => new(GivenPorts.FindAsync(options.FirstRedirectPort, options.LastRedirectPort, cancellation)));
    }

    // An administrator who isn't elevated has the group for denials only, and isn't in it here.
    private static Finding FindRights()
    {
        using var user = WindowsIdentity.GetCurrent();
        return user.IsSystem || new WindowsPrincipal(user).IsInRole(WindowsBuiltInRole.Administrator)
            ? Finding.Ok("twinsd has the rights it needs")
            : Finding.Failed("twinsd is neither LocalSystem nor an elevated administrator, so it can't open the driver", "twins service install, or run twinsd from an elevated prompt.");
    }

    private Finding FindSocketEvents()
    {
        if (sockets.Failure is { } failure)
            return Finding.Warning($"the driver doesn't tell of the sockets of mobile processes: {failure}", "Hooks do, and the tables are read when a process is held: see what packet-diversion says of the driver.");
        return Finding.Ok(sockets.IsListening
            ? string.Create(CultureInfo.InvariantCulture, $"the driver has told of {sockets.Told} connections and listeners of mobile processes")
            : "no mobile process runs at home here, so the driver isn't asked for sockets");
    }

    private static async Task AddAsync(AddDiagnosis add, string check, Func<ValueTask<Finding>> find)
    {
        Finding finding;
        try
        {
            finding = await find();
        }
        catch (Exception e) when (e is not (OutOfMemoryException or OperationCanceledException))
        {
            finding = Finding.Warning($"can't be told: {e.Message}", "docs/windows.md says what is checked: see to it by hand.");
        }

        add(check, finding.Outcome, finding.Detail, finding.Remedy);
    }
}
