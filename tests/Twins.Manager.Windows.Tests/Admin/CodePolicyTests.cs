using System.Runtime.Versioning;
using Microsoft.Win32;
using Twins.Manager.Admin;

namespace Twins.Manager.Windows.Tests.Admin;

[TestClass]
[SupportedOSPlatform("windows")]
public sealed class CodePolicyTests
{
    private const string Control = @"SYSTEM\CurrentControlSet\Control\";

    [TestMethod]
    public void MemoryIntegrity_IsWarnedOf()
    {
        Wine.Only();
        Assert.AreEqual(Finding.Ok("memory integrity is off"), CodePolicy.FindMemoryIntegrity());
        Set(@"DeviceGuard\Scenarios\HypervisorEnforcedCodeIntegrity", "Enabled", 1);
        try
        {
            Assert.AreEqual("warning", CodePolicy.FindMemoryIntegrity().Outcome);
            Set(@"DeviceGuard\Scenarios\HypervisorEnforcedCodeIntegrity", "Enabled", 0);
            Assert.AreEqual("ok", CodePolicy.FindMemoryIntegrity().Outcome);
        }
        finally
        {
            Microsoft.Win32.Registry.LocalMachine.DeleteSubKeyTree(Control + @"DeviceGuard\Scenarios");
        }
    }

    [TestMethod]
    public void SecureBoot_IsWell_OnAWindowsForClients()
    {
        Wine.Only();
        Assert.AreEqual(Finding.Ok("Secure Boot is off, or this machine has none"), CodePolicy.FindSecureBoot());
        Set(@"SecureBoot\State", "UEFISecureBootEnabled", 1);
        try
        {
            Assert.AreEqual(Finding.Ok("Secure Boot is on; the driver has Microsoft's signature"), CodePolicy.FindSecureBoot());
        }
        finally
        {
            Microsoft.Win32.Registry.LocalMachine.DeleteSubKeyTree(Control + @"SecureBoot\State");
        }
    }

    private static void Set(string key, string name, int value)
    {
        using var opened = Microsoft.Win32.Registry.LocalMachine.CreateSubKey(Control + key);
        opened.SetValue(name, value, RegistryValueKind.DWord);
    }
}
