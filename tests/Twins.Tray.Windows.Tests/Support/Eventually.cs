using System.Diagnostics;

namespace Twins.Tray.Windows.Tests.Support;

/// <summary>Waits for conditions, with a generous deadline.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(90);

    public static void Holds(Func<bool> condition, string what, Func<string>? seen = null)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            if (clock.Elapsed > Deadline)
                throw new AssertFailedException($"Not within {Deadline.TotalSeconds:0} s: {what} {seen?.Invoke()}");
            Thread.Sleep(100);
        }
    }
}
