using Twins.Cli.Processes;

namespace Twins.Cli.Lab;

/// <summary>Ends what <c>lab up</c> started and removes what it made, however far it got.</summary>
internal static class LabRemover
{
    /// <summary>Removes the lab, and what an interrupted removal left. Everything else hangs on the
    /// holders: with them go the machines' processes, mounts and network devices.</summary>
    /// <returns>False if there was nothing to remove.</returns>
    public static async Task<bool> RemoveAsync(LabFiles files)
    {
        var aside = new LabFiles(files.Directory + ".old");
        bool removed = await RemoveAsideAsync(aside);
        if (!Directory.Exists(files.Directory))
            return removed;
        // A holder that is just starting has either written itself down by now, or can't any more and ends.
        Directory.Move(files.Directory, aside.Directory);
        return await RemoveAsideAsync(aside) || removed;
    }

    private static async Task<bool> RemoveAsideAsync(LabFiles files)
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
        // Stopped, a holder can't start its machine between our looking for it and its own end.
        foreach (ProcessIdentity holder in holders)
            holder.Stop();
        await LabTools.WaitAsync(() => holders.All(holder => holder.IsStill), TimeSpan.FromSeconds(20),
            "the lab's machines didn't stop", CancellationToken.None);
        ProcessIdentity[] all = [.. holders, .. holders.Select(holder => holder.FirstChild()).OfType<ProcessIdentity>()];
        foreach (ProcessIdentity process in all)
            process.Kill();
        await LabTools.WaitAsync(() => !all.Any(process => process.IsAlive), TimeSpan.FromSeconds(20),
            "the lab's machines didn't end", CancellationToken.None);
        // Another lab's machines may have mounted on them meanwhile: removing them would take that away.
        foreach (string directory in plan?.CreatedDirectories.Where(directory => !IsMountedAnywhere(directory)) ?? [])
            RemoveIfEmpty(directory);
        Directory.Delete(files.Directory, recursive: true);
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
