using System.Buffers.Binary;
using Twins.Tray.Status;

namespace Twins.Tray.Icons;

/// <summary>
/// The icon, drawn for whichever size the display asks for: a disc and its twin before it, which has the state's colour and, so that
/// nobody depends on colours, its sign: none (running), an arrow (migrating), '!' (trouble), rings without filling (down).
/// </summary>
internal static class IconImage
{
    private const int Samples = 4; // in each direction, per pixel
    private const int HeaderBytes = 40;
    private const double Radius = 0.34;
    private const double Gap = 0.07;
    private const double Ring = 0.09;

    // 0xRRGGBB
    private const int White = 0xFFFFFF;
    private const int Grey = 0x8A8F98;

    /// <summary>Colour of the front disc of a state, 0xRRGGBB.</summary>
    public static int ColorOf(TrayState state) => state switch
    {
        TrayState.Running => 0x2E9E5B,
        TrayState.Migrating => 0x2F7FD6,
        TrayState.Trouble => 0xE08A00,
        _ => Grey,
    };

    /// <summary>
    /// The image in the form that resources of a program and CreateIconFromResourceEx have: BITMAPINFOHEADER, the pixels from below (blue,
    /// green, red, opacity), and a mask, which is empty, since the opacity counts.
    /// </summary>
    /// <param name="state">What it shows.</param>
    /// <param name="size">Pixels in each direction, 1 to 256.</param>
    public static byte[] Draw(TrayState state, int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, 256);
        var maskRowBytes = (size + 31) / 32 * 4;
        var image = new byte[HeaderBytes + (size * size * 4) + (maskRowBytes * size)];
        BinaryPrimitives.WriteInt32LittleEndian(image, HeaderBytes);
        BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(4), size);
        BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(8), size * 2); // image and mask
        BinaryPrimitives.WriteInt16LittleEndian(image.AsSpan(12), 1);       // planes
        BinaryPrimitives.WriteInt16LittleEndian(image.AsSpan(14), 32);      // bits per pixel
        for (var row = 0; row < size; row++)
        {
            for (var column = 0; column < size; column++)
                Mix(state, column, size - 1 - row, size, image.AsSpan(HeaderBytes + (((row * size) + column) * 4), 4));
        }

        return image;
    }

    private static void Mix(TrayState state, int column, int row, int size, Span<byte> pixel)
    {
        int red = 0, green = 0, blue = 0, filled = 0;
        for (var i = 0; i < Samples * Samples; i++)
        {
            var x = (column + (((i % Samples) + 0.5) / Samples)) / size;
            var y = (row + ((((double)(i / Samples)) + 0.5) / Samples)) / size;
            if (ColorAt(state, x, y) is not { } color)
                continue;
            filled++;
            red += color >> 16;
            green += (color >> 8) & 0xFF;
            blue += color & 0xFF;
        }

        if (filled == 0)
            return;
        (pixel[0], pixel[1], pixel[2]) = ((byte)(blue / filled), (byte)(green / filled), (byte)(red / filled));
        pixel[3] = (byte)(filled * 255 / (Samples * Samples));
    }

    /// <summary>Null: nothing is there. x goes to the right and y downwards, each from 0 to 1.</summary>
    private static int? ColorAt(TrayState state, double x, double y)
    {
        const double Back = Radius + 0.01;
        const double Front = 1 - Radius - 0.01;
        var back = Distance(x, y, Back, Back);
        var front = Distance(x, y, Front, Front);
        if (front <= Radius)
        {
            if (state == TrayState.Down)
                return front >= Radius - Ring ? Grey : null;
            return IsSign(state, (x - Front) / Radius, (y - Front) / Radius) ? White : ColorOf(state);
        }

        if (front <= Radius + Gap || back > Radius)
            return null;
        return state != TrayState.Down || back >= Radius - Ring ? Grey : null;
    }

    /// <summary>Whether the state's sign is there; from the middle of the disc to its edge it is 1.</summary>
    private static bool IsSign(TrayState state, double x, double y) => state switch
    {
        TrayState.Trouble => Math.Abs(x) <= 0.17 && y is (>= -0.72 and <= 0.2) or (>= 0.42 and <= 0.74) && Math.Abs(x) <= 0.17,
        TrayState.Migrating => (Math.Abs(y) <= 0.15 && x is >= -0.7 and <= 0.1) || (x is >= 0 and <= 0.72 && Math.Abs(y) <= (0.72 - x) * 0.85),
        _ => false,
    };

    private static double Distance(double x, double y, double centerX, double centerY) => Math.Sqrt(((x - centerX) * (x - centerX)) + ((y - centerY) * (y - centerY)));
}
