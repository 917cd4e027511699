using System.Diagnostics;

namespace Twins.KernelTests.Lab;

/// <summary>Waits for conditions, with generous deadlines.</summary>
internal static class Eventually
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    // Most of what is asked for starts programs: what takes its time is asked for less and less often.
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    /// <summary>Asks until the answer is yes; the test fails with <paramref name="what"/> at the deadline.</summary>
    public static void Holds(Func<bool> condition, Func<string> what, TimeSpan? deadline = null)
    {
        TimeSpan limit = deadline ?? Deadline;
        TimeSpan pause = FirstPause;
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            if (clock.Elapsed > limit)
                throw new AssertFailedException($"Not within {limit.TotalSeconds:0} s: {what()}");
            Thread.Sleep(pause);
            pause = pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause;
        }
    }

    /// <inheritdoc cref="Holds(Func{bool}, Func{string}, TimeSpan?)"/>
    public static void Holds(Func<bool> condition, string what, TimeSpan? deadline = null) => Holds(condition, () => what, deadline);

    /// <summary>Reads until what was read is as expected, and gives it.</summary>
    public static T Reads<T>(Func<T> read, Func<T, bool> expected, string what, TimeSpan? deadline = null)
    {
        T value = default!;
        Holds(() => expected(value = read()), () => $"{what}; at last it was:\n{value}", deadline);
        return value;
    }
}
