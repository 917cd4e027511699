using Twins.Manager.Admin;

namespace Twins.Manager.Tests.Admin;

[TestClass]
public sealed class LocalPortsTests
{
    [TestMethod]
    [DataRow("32768\t60999\n", "\n")]
    [DataRow("1024\t60999\n", "\n")]
    [DataRow("32768\t65535\n", "61000-65535\n")]
    [DataRow("32768\t65535\n", "60000-62000,62001-65535\n")]
    [DataRow("32768\t65535\n", "8080,61000,61001-65000,65001-65535\n")]
    public void RedirectRange_OutsideTheLocalRangeOrReserved_IsNotGivenAway(string range, string reserved) =>
        Assert.IsNull(LocalPorts.Parse(range, reserved).FindGiven(61000, 65535));

    [TestMethod]
    [DataRow("32768\t65535\n", "\n", 61000, 65535)]
    [DataRow("1024\t61000\n", "\n", 61000, 61000)]
    [DataRow("65000\t65535\n", "\n", 65000, 65535)]
    [DataRow("32768\t65535\n", "8080,61000-64999\n", 65000, 65535)]
    [DataRow("32768\t65535\n", "61001-65535\n", 61000, 61000)]
    [DataRow("32768\t65535\n", "61000-61999,63000,64000-65535\n", 62000, 62999)]
    public void RedirectRange_ThatTheKernelGivesPortsOf_IsFound(string range, string reserved, int first, int last) =>
        Assert.AreEqual((first, last), LocalPorts.Parse(range, reserved).FindGiven(61000, 65535));

    [TestMethod]
    [DataRow("\n", "sysctl -w net.ipv4.ip_local_reserved_ports=61000-65535")]
    [DataRow("8080,9000-9099\n", "sysctl -w net.ipv4.ip_local_reserved_ports=8080,9000-9099,61000-65535")]
    public void Remedy_KeepsWhatIsReservedAlready(string reserved, string command) =>
        Assert.AreEqual(command, LocalPorts.Parse("32768\t65535\n", reserved).Reserving(61000, 65535));
}
