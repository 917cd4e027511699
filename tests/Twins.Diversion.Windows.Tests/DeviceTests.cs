namespace Twins.Diversion.Windows.Tests;

/// <summary>Where there is no driver, as under wine, the errors are those of the facts.</summary>
[TestClass]
public sealed class DeviceTests
{
    [TestMethod]
    public void DriverThatIsNotLoaded_IsSaidWithTheRemedy()
    {
        var failure = Assert.ThrowsExactly<DiversionException>(() => WinDivertDevice.Open(PacketFilter.Nothing, 0, WinDivertFlags.NoInstall));
        Assert.AreEqual("open WinDivert", failure.Operation);
        Assert.AreEqual(1060, failure.NativeCode);
        Assert.AreEqual("start it with `twins service start`", failure.Remedy);
    }

    [TestMethod]
    [DataRow(30_001, "NoInstall")]
    [DataRow(0, "NoInstall, Sniff, Drop")]
    [DataRow(0, "NoInstall, ReceiveOnly, SendOnly")]
    public void WhatTheDriverDoesntTake_IsRefused(int priority, string flags)
    {
        var failure = Assert.ThrowsExactly<DiversionException>(() => WinDivertDevice.Open(PacketFilter.Inbound, (short)priority, Enum.Parse<WinDivertFlags>(flags)));
        Assert.AreEqual(87, failure.NativeCode);
    }
}
