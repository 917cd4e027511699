using System.Globalization;

namespace Twins.Manager.Registry;

/// <summary>The TCP sockets of the calling thread's network namespace.</summary>
internal static class CabinSockets
{
    private const int TimeWait = 6;
    private const int Listen = 10;

    /// <summary>Connections that still have something to say to their peers: neither TIME-WAIT nor listeners.</summary>
    public static int CountOpen() => Count(state => state is not (TimeWait or Listen));

    /// <summary>Connections and listeners.</summary>
    public static int CountAll() => Count(_ => true);

    private static int Count(Func<int, bool> counts) => Count("/proc/thread-self/net/tcp", counts) + Count("/proc/thread-self/net/tcp6", counts);

    // proc(5): the fourth column is the state, in hexadecimal.
    private static int Count(string path, Func<int, bool> counts) => !File.Exists(path) ? 0 : File.ReadLines(path).Skip(1)
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Count(columns => columns.Length > 3
            && int.TryParse(columns[3], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var state)
            && counts(state));
}
