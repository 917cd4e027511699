using System.Runtime.Versioning;
using Twins.Diversion.Windows;
using Twins.Manager.Admin;

namespace Twins.Manager.Windows.Tests.Admin;

[TestClass]
[SupportedOSPlatform("windows")]
public sealed class DriverServiceTests
{
    private const string Remedy = "As administrator: sc stop WinDivert, sc delete WinDivert. It is made anew when it is needed.";
    private const string Gone = @"C:\nowhere\WinDivert64.sys";

    private readonly string _folder = WinDivertFolder.Copy();
    private readonly string _others = WinDivertFolder.Copy();

    private string Ours => Path.Combine(_folder, WinDivertFiles.Driver);

    private string Others => Path.Combine(_others, WinDivertFiles.Driver);

    [TestCleanup]
    public void Delete()
    {
        Directory.Delete(_folder, recursive: true);
        Directory.Delete(_others, recursive: true);
    }

    [TestMethod]
    public void DriverThatIsLoaded_FromHereOrTheSameElsewhere_IsWell()
    {
        Assert.AreEqual(Finding.Ok($"the driver is loaded from {Ours}"), Judge(Ours, marked: true, disabled: true, running: true));
        Assert.AreEqual(Finding.Ok($"the driver is loaded from {Others}, another program's, of the same version"), Judge(Others, running: true));
    }

    [TestMethod]
    public void DriverThatIsLoaded_AndIsAnother_IsWarnedOf()
    {
        WinDivertFolder.Change(Others);
        Assert.AreEqual(
            Finding.Warning($"the driver is loaded from {Others}, which isn't of WinDivert 2.2.2", $"End the programs that use it. {Remedy}"), Judge(Others, running: true));
    }

    [TestMethod]
    public void DriverThatIsLoaded_AndWhoseFileIsGone_IsWarnedOf() =>
        Assert.AreEqual(Finding.Warning($"the driver is loaded, and its file {Gone} is gone", Remedy), Judge(Gone, running: true));

    [TestMethod]
    public void ServiceThatIsStopped_AndIsOurs_IsWell() => Assert.AreEqual(Finding.Ok($"the driver isn't loaded; it will be from {Ours}"), Judge(Ours));

    [TestMethod]
    public void ServiceWhoseFileIsGone_Fails() =>
        Assert.AreEqual(Finding.Failed($"the service WinDivert was left behind: its driver '{Gone}' is gone, and no other is loaded", Remedy), Judge(Gone));

    [TestMethod]
    public void ServiceWithoutAFile_Fails() => Assert.AreEqual("failed", Judge("").Outcome);

    [TestMethod]
    public void ServiceOfAnotherFolder_IsWarnedOf()
    {
        Assert.AreEqual(Finding.Warning($"the service WinDivert was left behind by another program: the driver will be loaded from {Others}", Remedy), Judge(Others));
        WinDivertFolder.Change(Others);
        Assert.AreEqual(
            Finding.Warning($"the service WinDivert was left behind by another program: the driver will be loaded from {Others}, which isn't of WinDivert 2.2.2", Remedy),
            Judge(Others));
    }

    [TestMethod]
    public void ServiceThatIsMarkedForDeletionOrDisabled_Fails()
    {
        Assert.AreEqual("End the programs that use it, services.msc too, or restart Windows.", Judge(Ours, marked: true, disabled: true).Remedy);
        Assert.AreEqual(Finding.Failed("the service WinDivert is disabled, so the driver can't be loaded", Remedy), Judge(Ours, disabled: true));
    }

    [TestMethod]
    [DataRow(@"\??\C:\Program Files\Twins\WinDivert64.sys", @"C:\Program Files\Twins\WinDivert64.sys")]
    [DataRow(@"\SystemRoot\System32\drivers\WinDivert64.sys", @"C:\windows\System32\drivers\WinDivert64.sys")]
    [DataRow(@"System32\drivers\WinDivert64.sys", @"C:\windows\System32\drivers\WinDivert64.sys")]
    [DataRow(@"C:\Twins\WinDivert64.sys", @"C:\Twins\WinDivert64.sys")]
    [DataRow("", "")]
    public void File_IsNamedAsProgramsNameIt(string imagePath, string file) =>
        Assert.AreEqual(file, new DriverService(imagePath, false, false, false).File, ignoreCase: true);

    /// <summary>What a start that has failed leaves behind.</summary>
    [TestMethod]
    public void ServiceInTheRegistry_IsRead()
    {
        const string Key = @"SYSTEM\CurrentControlSet\Services\WinDivert";
        Wine.Only();
        Assert.AreEqual(Finding.Ok("there is none yet; it is made when it is needed"), DriverService.Find([_folder]));
        using (var service = Microsoft.Win32.Registry.LocalMachine.CreateSubKey(Key))
        {
            service.SetValue("ImagePath", @"\??\" + Gone, Microsoft.Win32.RegistryValueKind.ExpandString);
            service.SetValue("Start", 3);
            service.SetValue("Type", 1);
        }

        try
        {
            Assert.AreEqual(Judge(Gone), DriverService.Find([_folder]));
            using (var service = Microsoft.Win32.Registry.LocalMachine.CreateSubKey(Key))
            {
                service.SetValue("ImagePath", @"\??\" + Ours, Microsoft.Win32.RegistryValueKind.ExpandString);
                service.SetValue("Start", 4);
            }

            Assert.AreEqual(Judge(Ours, disabled: true), DriverService.Find([_folder]));
            using (var service = Microsoft.Win32.Registry.LocalMachine.CreateSubKey(Key))
                service.SetValue("DeleteFlag", 1);
            Assert.AreEqual(Judge(Ours, marked: true, disabled: true), DriverService.Find([_folder]));
        }
        finally
        {
            Microsoft.Win32.Registry.LocalMachine.DeleteSubKeyTree(Key);
        }
    }

    private Finding Judge(string file, bool disabled = false, bool marked = false, bool running = false) =>
        new DriverService(file.Length == 0 ? "" : @"\??\" + file, disabled, marked, running).Judge([@"C:\elsewhere", _folder]);
}
