using Twins.Manager.Admin;

namespace Twins.Manager.Windows.Tests.Admin;

[TestClass]
public sealed class ConflictingProductsTests
{
    [TestMethod]
    [DataRow("avast! Antivirus", @"""C:\Program Files\Avast Software\Avast\AvastSvc.exe"" /runassvc", "Avast: refuses packets that are sent, or sends them round in a loop")]
    [DataRow("AVG Antivirus", @"""C:\Program Files\AVG\Antivirus\AVGSvc.exe""", "AVG: refuses packets that are sent, or sends them round in a loop")]
    [DataRow("AVP21.3", @"""C:\Program Files (x86)\Kaspersky Lab\Kaspersky Security 21.3\avp.exe"" -r", "Kaspersky: takes WinDivert for a risk, and may remove it")]
    [DataRow("EasyAntiCheat", @"C:\Program Files (x86)\EasyAntiCheat\EasyAntiCheat.exe", "EasyAntiCheat: its games don't run while the driver is loaded")]
    [DataRow("acssrv", @"C:\PROGRA~1\Agnitum\OUTPOS~1\acs.exe", "Agnitum Outpost: Windows has crashed with it and WinDivert")]
    [DataRow("WinDivert1.4", @"\??\C:\tools\WinDivert64.sys", "WinDivert1.4: another version of the driver; each sees again what the other sends")]
    public void ProductThatIsKnown_IsDescribed(string service, string path, string text) => Assert.AreEqual(text, ConflictingProducts.Describe(service, path));

    [TestMethod]
    [DataRow("WinDivert", @"\??\C:\Program Files\Twins\WinDivert64.sys")]
    [DataRow("Tcpip", @"System32\drivers\tcpip.sys")]
    [DataRow("Davgate", @"C:\Program Files\Davgate\avg.exe")]
    public void OtherServices_AreNot(string service, string path) => Assert.IsNull(ConflictingProducts.Describe(service, path));
}
