using Twins.Diversion.Windows;
using Twins.Manager.Admin;

namespace Twins.Manager.Windows.Tests.Admin;

[TestClass]
public sealed class DriverFilesTests
{
    private readonly string _folder = WinDivertFolder.Copy();

    [TestCleanup]
    public void Delete() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void FilesAsFetched_AreWell() => Assert.AreEqual(
        Finding.Ok($"WinDivert 2.2.2 in {WinDivertFolder.Fetched}, {_folder}"), DriverFiles.Find([WinDivertFolder.Fetched, _folder]));

    [TestMethod]
    [DataRow(WinDivertFiles.Library)]
    [DataRow(WinDivertFiles.Driver)]
    public void FileThatIsMissing_FailsWithItsName(string name)
    {
        var path = Path.Combine(_folder, name);
        File.Delete(path);
        Assert.AreEqual(
            Finding.Failed($"missing: {path}", "Stop twinsd, and put WinDivert.dll and WinDivert64.sys of WinDivert 2.2.2 there: install Twins again."),
            DriverFiles.Find([WinDivertFolder.Fetched, _folder]));
    }

    [TestMethod]
    [DataRow(WinDivertFiles.Library)]
    [DataRow(WinDivertFiles.Driver)]
    public void FileThatIsAnother_IsWarnedOfByItsName(string name)
    {
        var path = Path.Combine(_folder, name);
        WinDivertFolder.Change(path);
        var finding = DriverFiles.Find([WinDivertFolder.Fetched, _folder]);
        Assert.AreEqual(("warning", $"by its SHA-256 not of WinDivert 2.2.2: {path}"), (finding.Outcome, finding.Detail));
        Assert.StartsWith("If you haven't put it there: Stop twinsd", finding.Remedy);
    }

    [TestMethod]
    public void FileThatIsOpenForWriting_IsReadAllTheSame()
    {
        using var open = new FileStream(Path.Combine(_folder, WinDivertFiles.Driver), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        Assert.AreEqual("ok", DriverFiles.Find([_folder]).Outcome);
    }
}
