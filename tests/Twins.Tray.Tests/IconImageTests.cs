using System.Buffers.Binary;
using Twins.Tray.Icons;
using Twins.Tray.Status;

namespace Twins.Tray.Tests;

[TestClass]
public sealed class IconImageTests
{
    private const int Header = 40;

    [TestMethod]
    [DataRow(16, 40 + 1024 + 64)]
    [DataRow(20, 40 + 1600 + 80)]
    [DataRow(33, 40 + 4356 + 264)]
    [DataRow(64, 40 + 16384 + 512)]
    public void Image_HasTheFormOfAnIconsResource(int size, int bytes)
    {
        var image = IconImage.Draw(TrayState.Running, size);
        Assert.HasCount(bytes, image);
        Assert.AreEqual(40, BinaryPrimitives.ReadInt32LittleEndian(image));
        Assert.AreEqual(size, BinaryPrimitives.ReadInt32LittleEndian(image.AsSpan(4)));
        Assert.AreEqual(2 * size, BinaryPrimitives.ReadInt32LittleEndian(image.AsSpan(8)));
        Assert.AreEqual(32, BinaryPrimitives.ReadInt16LittleEndian(image.AsSpan(14)));
    }

    [TestMethod]
    public void Corners_AreEmpty_AndTheFrontDiscHasTheStatesColor()
    {
        Assert.AreEqual(0u, Pixel(TrayState.Running, 32, 31, 0));
        Assert.AreEqual(0u, Pixel(TrayState.Running, 32, 0, 31));
        Assert.AreEqual(0xFF2E9E5B, Pixel(TrayState.Running, 32, 20, 20));
        Assert.AreEqual(0xFF2F7FD6, Pixel(TrayState.Migrating, 32, 20, 12));
        Assert.AreEqual(0xFFE08A00, Pixel(TrayState.Trouble, 32, 14, 20));
        Assert.AreEqual(0u, Pixel(TrayState.Down, 32, 20, 20));
        Assert.AreEqual(0xFF8A8F98, Pixel(TrayState.Running, 32, 8, 8));
    }

    [TestMethod]
    [DataRow(16)]
    [DataRow(24)]
    [DataRow(48)]
    public void States_DifferWithoutTheirColors(int size)
    {
        string[] shapes = [.. Enum.GetValues<TrayState>().Select(state => Shape(state, size))];
        Assert.HasCount(4, shapes.Distinct());
    }

    // Empty, light or dark.
    private static string Shape(TrayState state, int size) => string.Concat(Enumerable.Range(0, size * size).Select(i =>
        Pixel(state, size, i % size, i / size) is var pixel && pixel >> 24 < 128 ? ' ' : (pixel & 0xFF) > 0xF0 && ((pixel >> 16) & 0xFF) > 0xF0 ? 'o' : '#'));

    // 0xAARRGGBB
    private static uint Pixel(TrayState state, int size, int column, int row) =>
        BinaryPrimitives.ReadUInt32LittleEndian(IconImage.Draw(state, size).AsSpan(Header + ((((size - 1 - row) * size) + column) * 4)));
}
