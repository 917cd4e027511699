namespace Twins.Packets.Tests;

/// <summary>Counts what a piece of work allocates on this thread.</summary>
internal static class Allocations
{
    /// <summary>
    /// Octets allocated by one run of the work: the least of some runs, for a collection that another test causes counts the unused
    /// rest of this thread's allocation window, and the first run may load types.
    /// </summary>
    public static long Of(Action work)
    {
        var least = long.MaxValue;
        for (var run = 0; run < 10 && least > 0; run++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
