using System.Buffers.Binary;
using Twins.Tray.Icons;
using Twins.Tray.Status;

namespace Twins.Tray.Tests;

/// <summary>The icon of the program's file, which the compiler takes from <c>src/Twins.Tray/Icons/twins.ico</c>.</summary>
[TestClass]
public sealed class IconFileTests
{
    private const int HeaderBytes = 6;
    private const int EntryBytes = 16;

    // What explorer, start menu and taskbar ask for at 100 % to 200 %.
    private static readonly int[] _sizes = [16, 20, 24, 32, 48, 64];

    [TestMethod]
    public void IconFile_IsWhatTheTrayDraws()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "twins.ico");
        var wanted = MakeFile();
        if (File.ReadAllBytes(path).AsSpan().SequenceEqual(wanted))
            return;
        File.WriteAllBytes(path + ".new", wanted);
        Assert.Fail($"src/Twins.Tray/Icons/twins.ico isn't what IconImage draws. Copy {path}.new there and commit it.");
    }

    // ICONDIR and its ICONDIRENTRYs, then the images.
    private static byte[] MakeFile()
    {
        byte[][] images = [.. _sizes.Select(size => IconImage.Draw(TrayState.Running, size))];
        var file = new byte[HeaderBytes + (EntryBytes * images.Length) + images.Sum(image => image.Length)];
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(2), 1); // icons, no cursors
        BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(4), (short)images.Length);
        var offset = HeaderBytes + (EntryBytes * images.Length);
        for (var i = 0; i < images.Length; i++)
        {
            var entry = file.AsSpan(HeaderBytes + (EntryBytes * i), EntryBytes);
            (entry[0], entry[1]) = ((byte)_sizes[i], (byte)_sizes[i]);
            BinaryPrimitives.WriteInt16LittleEndian(entry[4..], 1);  // planes
            BinaryPrimitives.WriteInt16LittleEndian(entry[6..], 32); // bits per pixel
            BinaryPrimitives.WriteInt32LittleEndian(entry[8..], images[i].Length);
            BinaryPrimitives.WriteInt32LittleEndian(entry[12..], offset);
            images[i].CopyTo(file, offset);
            offset += images[i].Length;
        }

        return file;
    }
}
