using Twins.Manager.Admin;

namespace Twins.Manager.Windows.Tests.Admin;

[TestClass]
public sealed class GivenPortsTests
{
    private const string English = "\r\nProtocol tcp Dynamic Port Range\r\n---------------------------------\r\nStart Port      : 49152\r\nNumber of Ports : 16384\r\n\r\n";
    private const string German = "\r\nProtokoll tcp Dynamischer Portbereich\r\n---------------------------------\r\nStartport       : 1025\r\nAnzahl von Ports : 64511\r\n\r\n";

    private const string Exclusions = """

        Protocol tcp Port Exclusion Ranges

        Start Port    End Port
        ----------    --------
              5357        5357
             50000       50059     *
             61117       61216
             65535       65535     *

        * - Administered port exclusions.


        """;

    private static readonly PortExclusion Whole = new(61000, 65535, IsAdministered: true);

    [TestMethod]
    [DataRow(English, 49152, 65535)]
    [DataRow(German, 1025, 65535)]
    public void DynamicRange_IsReadInWhicheverLanguage(string text, int first, int last) => Assert.AreEqual((first, last), GivenPorts.ParseDynamic(text));

    [TestMethod]
    [DataRow("")]
    [DataRow("The following command was not found: int ipv4 show dynamicport tcp.\r\n")]
    [DataRow("Start Port : 49152\r\n")]
    public void TextWithoutARange_IsSaidToBeNone(string text) => Assert.ThrowsExactly<FormatException>(() => GivenPorts.ParseDynamic(text));

    [TestMethod]
    public void PortThatIsNone_IsRefused() => Assert.ThrowsExactly<OverflowException>(() => GivenPorts.ParseDynamic("a 49152\nb 99999\n"));

    [TestMethod]
    public void Exclusions_AreReadWithWhoMadeThem() => CollectionAssert.AreEqual(
        new PortExclusion[] { new(5357, 5357, false), new(50000, 50059, true), new(61117, 61216, false), new(65535, 65535, true) },
        GivenPorts.ParseExclusions(Exclusions.ReplaceLineEndings("\r\n")).ToArray());

    [TestMethod]
    public void RangeAsWindowsComes_IsWarnedOfWithTheRemedy() => Assert.AreEqual(
        Finding.Warning(
            "Windows may give programs ports of 61000-65535, which are for redirected connections: what a program opens from one that is in use there gets no answer",
            "As administrator: netsh int ipv4 add excludedportrange protocol=tcp startport=61000 numberofports=4536 store=persistent; and the same with protocol=udp. Or set firstRedirectPort and lastRedirectPort outside of 49152-65535."),
        GivenPorts.Judge((49152, 65535), [new(5357, 5357, false), new(50000, 50059, true)], 61000, 65535));

    [TestMethod]
    public void RangeThatIsExcludedInPart_TheRestIsNamed()
    {
        var finding = GivenPorts.Judge((49152, 65535), [new(61100, 61199, true), new(65000, 65535, true)], 61000, 65535);
        Assert.StartsWith("Windows may give programs ports of 61000-61099, 61200-64999, ", finding.Detail);
        Assert.StartsWith(
            "As administrator: netsh int ipv4 add excludedportrange protocol=tcp startport=61000 numberofports=100 store=persistent; "
            + "netsh int ipv4 add excludedportrange protocol=tcp startport=61200 numberofports=3800 store=persistent; ",
            finding.Remedy);
    }

    [TestMethod]
    public void RangeThatIsExcluded_IsWell()
    {
        var finding = GivenPorts.Judge((49152, 65535), [new(5357, 5357, false), Whole], 61000, 65535);
        Assert.AreEqual(Finding.Ok("no program gets a port of 61000-65535 unless it asks for it"), finding);
    }

    [TestMethod]
    public void RangeOutsideOfTheDynamicOne_IsWell() => Assert.AreEqual("ok", GivenPorts.Judge((1025, 60999), [], 61000, 65535).Outcome);

    [TestMethod]
    public void PortsThatWindowsKeepsForItself_AreWarnedOf_WhateverElseIsExcluded()
    {
        var finding = GivenPorts.Judge((49152, 65535), [new(61117, 61216, false), Whole], 61000, 65535);
        Assert.AreEqual("warning", finding.Outcome);
        Assert.StartsWith("Windows keeps ports 61117-61216 for itself", finding.Detail);
        Assert.StartsWith(
            "As administrator: net stop winnat; netsh int ipv4 add excludedportrange protocol=tcp startport=61000 numberofports=4536 store=persistent; net start winnat.",
            finding.Remedy);
    }
}
