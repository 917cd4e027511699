namespace Twins.Manager.Processes;

/// <summary>Pipes of which the other end stays behind: after a move the program would see it closed.</summary>
internal static class PipeEnds
{
    public static void AddObstacles(IReadOnlyCollection<int> pids, IReadOnlyCollection<Descriptor> descriptors, List<Obstacle> obstacles)
    {
        var lone = new Dictionary<ulong, Descriptor>();
        foreach (var pipe in descriptors.Where(descriptor => descriptor.TryGetInode("pipe", out _)).GroupBy(InodeOf))
        {
            var ends = pipe.ToArray();
            if (ends.Select(end => end.IsForWriting()).Distinct().Count() == 1)
                lone.Add(pipe.Key, ends[0]);
        }

        if (lone.Count == 0)
            return;
        // Only now is it worth looking through the whole machine: nobody may hold the other end any more.
        foreach (var pid in ProcFile.ReadNumbers("/proc").Where(pid => !pids.Contains(pid)))
        {
            foreach (var other in DescriptorFolder.Read(pid))
            {
                if (!other.TryGetInode("pipe", out var inode) || !lone.Remove(inode, out var end))
                    continue;
                obstacles.Add(new Obstacle(end.Pid, true,
                    FormattableString.Invariant($"descriptor {end.Number} is a pipe shared with process {pid}, which does not move"),
                    "start the program with `twins run`, which gives it files instead of pipes"));
            }
        }
    }

    private static ulong InodeOf(Descriptor descriptor)
    {
        descriptor.TryGetInode("pipe", out var inode);
        return inode;
    }
}
