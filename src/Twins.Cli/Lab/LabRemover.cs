using Twins.Cli.Processes;

namespace Twins.Cli.Lab;

/// <summary>Ends what <c>lab up</c> started and removes what it made, however far it got.</summary>
internal static class LabRemover
{
    /// <summary>Removes the lab. Everything else hangs on the holders: with them go the machines'
    /// processes, mounts and network devices.</summary>
    /// <returns>False if there was nothing to remove.</returns>
    public static async Task<bool> RemoveAsync(LabFiles files)
    {
        if (!Directory.Exists(files.Directory))
            return false;
        LabPlan? plan = null;
        try
        {
            plan = files.ReadPlan();
        }
        catch (CliException)
        {
            // Damaged: the holders are found without it.
        }
        IReadOnlyList<ProcessIdentity> holders = files.Holders();
        ProcessIdentity[] all = [.. holders, .. holders.Select(holder => holder.FirstChild()).OfType<ProcessIdentity>()];
        foreach (ProcessIdentity process in all)
            process.Kill();
        await LabTools.WaitAsync(() => !all.Any(process => process.IsAlive), TimeSpan.FromSeconds(20),
            "the lab's machines didn't end", CancellationToken.None);
        // Another lab's machines may have mounted on them meanwhile: removing them would take that away.
        foreach (string directory in plan?.CreatedDirectories.Where(directory => !IsMountedAnywhere(directory)) ?? [])
            RemoveIfEmpty(directory);
        foreach (string file in Directory.EnumerateFiles(files.Directory))
            File.Delete(file);
        RemoveIfEmpty(files.Directory);
        return plan is not null || holders.Count > 0;
    }

    private static bool IsMountedAnywhere(string directory)
    {
        foreach (string process in Directory.EnumerateDirectories("/proc").Where(path => char.IsAsciiDigit(path[6])))
        {
            try
            {
                if (File.ReadLines(Path.Combine(process, "mountinfo")).Any(line => line.Split(' ', 6)[4] == directory))
                    return true;
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // Ended meanwhile.
            }
        }
        return false;
    }

    private static void RemoveIfEmpty(string directory)
    {
        if (Directory.Exists(directory) && !Directory.EnumerateFileSystemEntries(directory).Any())
            Directory.Delete(directory);
    }
}
