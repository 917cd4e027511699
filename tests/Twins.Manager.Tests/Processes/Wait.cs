using System.Diagnostics;

namespace Twins.Manager.Tests.Processes;

internal static class Wait
{
    /// <summary>Reads until the reading satisfies a condition; after ten seconds the last reading is given as it is.</summary>
    public static T Until<T>(Func<T> read, Func<T, bool> holds)
    {
        var limit = Stopwatch.StartNew();
        while (true)
        {
            var value = read();
            if (holds(value) || limit.Elapsed > TimeSpan.FromSeconds(10))
                return value;
            Thread.Sleep(10);
        }
    }
}
