using System.Security.AccessControl;
using System.Security.Principal;
using Twins.Manager.Settings;
using Twins.Manager.Settings.Windows;

namespace Twins.Access.Windows.Tests;

/// <summary>Where things are on Windows, and who gets at them.</summary>
[TestClass]
public sealed class SettingsTests
{
    [TestMethod]
    public void Defaults_AreBelowProgramData_AndPipes()
    {
        var options = SettingsReader.Read([], new Dictionary<string, string>());
        Assert.AreEqual(@"C:\ProgramData\Twins", options.StateDirectory);
        Assert.AreEqual(@"C:\ProgramData\Twins\run", options.RunDirectory);
        Assert.AreEqual(@"C:\ProgramData\Twins\run\images", options.ImagePath);
        Assert.AreEqual(@"\\.\pipe\twins\twinsd", options.LocalSocketPath);
        Assert.AreEqual(@"\\.\pipe\twins-hook", options.HookSocketPath);
        Assert.AreEqual(@"\\.\pipe\twins\twin-", options.TwinSocketDirectory);
    }

    [TestMethod]
    [DataRow(@"D:\twins", true)]
    [DataRow("D:/twins", true)]
    [DataRow(@"D:twins", false)]
    [DataRow(@"\twins", false)]
    [DataRow("/run/twins", false)]
    [DataRow(@"\\server\twins", false)]
    [DataRow(@"\\.\pipe\twins", false)]
    public void Directory_IsOfThisMachine(string path, bool isAllowed)
    {
        string[] arguments = ["--state-directory", path];
        if (isAllowed)
            Assert.AreEqual(path, SettingsReader.Read(arguments, new Dictionary<string, string>()).StateDirectory);
        else
            StringAssert.Contains(Assert.ThrowsExactly<SettingsException>(() => SettingsReader.Read(arguments, new Dictionary<string, string>())).Message, "an absolute path", StringComparison.Ordinal);
    }

    [TestMethod]
    public void OwnDirectory_IsClosedToOthers()
    {
        var path = Path.Combine(Path.GetTempPath(), $"twins-{Environment.ProcessId}-own", "state");
        try
        {
            // Once to make it, once when it is there.
            OwnDirectory.Prepare(path);
            OwnDirectory.Prepare(path);
            var security = new DirectoryInfo(path).GetAccessControl(AccessControlSections.Access | AccessControlSections.Owner);
            using var identity = WindowsIdentity.GetCurrent();
            string[] trusted = ["S-1-5-18", "S-1-5-32-544", identity.User!.Value];
            var rules = security.GetAccessRules(true, true, typeof(SecurityIdentifier)).Cast<FileSystemAccessRule>().ToArray();
            Assert.IsNotEmpty(rules);
            foreach (var rule in rules)
                CollectionAssert.Contains(trusted, rule.IdentityReference.Value, security.GetSecurityDescriptorSddlForm(AccessControlSections.Access));
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }

    [TestMethod]
    public void DirectoryThatCannotBeMade_IsSaidWithItsPath()
    {
        var file = Path.GetTempFileName();
        try
        {
            var path = Path.Combine(file, "state");
            StringAssert.Contains(Assert.ThrowsExactly<OwnDirectoryException>(() => OwnDirectory.Prepare(path)).Message, path, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
