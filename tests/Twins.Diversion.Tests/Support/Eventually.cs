using System.Diagnostics;

namespace Twins.Diversion.Tests;

/// <summary>Waits for conditions, with a deadline.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    /// <summary>Asks until the answer is yes.</summary>
    public static void Holds(Func<bool> condition, string what) => Holds(condition, () => what);

    /// <summary>Asks until the answer is yes; what was waited for is told afterwards.</summary>
    public static void Holds(Func<bool> condition, Func<string> what)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            if (clock.Elapsed > Deadline)
                Assert.Fail($"Not within {Deadline.TotalSeconds} s: {what()}");
            Thread.Sleep(1);
        }
    }
}
