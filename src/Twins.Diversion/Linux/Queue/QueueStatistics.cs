using System.Globalization;

namespace Twins.Diversion.Linux;

/// <summary>
/// The kernel's list of queues, one line each: number, port of the socket, packets waiting, copy mode, copy range, dropped for a
/// full queue, dropped for a full socket buffer, last packet's number, 1.
/// </summary>
internal static class QueueStatistics
{
    /// <summary>What was dropped of a queue; 0 if it isn't listed.</summary>
    public static long Drops(string list, ushort queue)
    {
        foreach (var line in list.Split('\n'))
        {
            var columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (columns.Length >= 7 && columns[0] == queue.ToString(CultureInfo.InvariantCulture)
                && long.TryParse(columns[5], CultureInfo.InvariantCulture, out var full)
                && long.TryParse(columns[6], CultureInfo.InvariantCulture, out var buffer))
            {
                return full + buffer;
            }
        }

        return 0;
    }
}
