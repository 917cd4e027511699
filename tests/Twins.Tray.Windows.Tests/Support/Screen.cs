namespace Twins.Tray.Windows.Tests.Support;

/// <summary>What is to be seen on the screen. The pictures are made outside (run.sh), and stay.</summary>
internal static class Screen
{
    private static readonly string Folder = Environment.GetEnvironmentVariable("TWINS_TRAY_PICTURES")!;

    /// <summary>Takes a picture.</summary>
    /// <returns>Its pixels, 0xRRGGBB.</returns>
    public static int[] Take(string name)
    {
        var picture = Path.Combine(Folder, name + ".ppm");
        File.Delete(picture);
        File.WriteAllText(Path.Combine(Folder, name + ".want"), "");
        Eventually.Holds(() => File.Exists(picture), $"there is a picture {name}");
        var bytes = File.ReadAllBytes(picture);
        // P6, width, height and 255, each with one blank behind it.
        var at = 0;
        for (var blanks = 0; blanks < 4; at++)
        {
            if (bytes[at] is (byte)'\n' or (byte)' ')
                blanks++;
        }

        return [.. bytes[at..].Chunk(3).Select(p => (p[0] << 16) | (p[1] << 8) | p[2])];
    }

    /// <summary>How many pixels have this colour, or nearly.</summary>
    public static int Count(int[] pixels, int color) => pixels.Count(p => Near(p >> 16, color >> 16) && Near(p >> 8, color >> 8) && Near(p, color));

    private static bool Near(int a, int b) => Math.Abs((a & 0xFF) - (b & 0xFF)) <= 6;
}
