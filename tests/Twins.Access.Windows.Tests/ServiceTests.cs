using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;
using Twins.Access.Windows.Tests.Support;
using Twins.Cli;
using Twins.Cli.Windows;
using Twins.Manager;

namespace Twins.Access.Windows.Tests;

/// <summary>The CLI's half of the service with the system's service manager, and programs that live as <c>twinsd</c> does.</summary>
[TestClass]
[DoNotParallelize] // one display name
public sealed partial class ServiceTests
{
    private const uint NoChange = 0xFFFFFFFF; // SERVICE_NO_CHANGE

    private static int _last;

    [TestMethod]
    public async Task Service_IsInstalledStartedStoppedAndRemoved()
    {
        var (service, name) = New();
        service.Install(Environment.ProcessPath!);
        try
        {
            SetArguments(name, TinyService.Argument);
            Assert.IsGreaterThan(0, await service.StartAsync(CancellationToken.None));
            // Running already is no failure, neither is stopped already.
            Assert.IsGreaterThan(0, await service.StartAsync(CancellationToken.None));
            await service.StopAsync(CancellationToken.None);
            await service.StopAsync(CancellationToken.None);
            Assert.AreEqual("installed", Assert.ThrowsExactly<CliException>(() => service.Install(Environment.ProcessPath!)).Code);
        }
        finally
        {
            await service.RemoveAsync(CancellationToken.None);
        }

        var gone = await Assert.ThrowsExactlyAsync<CliException>(() => service.StartAsync(CancellationToken.None));
        Assert.AreEqual("not-installed", gone.Code);
        Assert.AreEqual(1, gone.ExitCode);
    }

    [TestMethod]
    [DataRow("twinsd --api-port 0", "a setting is wrong (exit code 10)")]
    [DataRow(TinyService.FailingArgument, "a pipe or a port can't be opened: another twinsd runs, or rights are missing (exit code 13)")]
    public async Task FailedStart_SaysItsStepInWords(string arguments, string reason)
    {
        var (service, name) = New();
        service.Install(Environment.ProcessPath!);
        try
        {
            SetArguments(name, arguments);
            var failure = await Assert.ThrowsExactlyAsync<CliException>(() => service.StartAsync(CancellationToken.None));
            StringAssert.Contains(failure.Message, $"failed to start: {reason}", StringComparison.Ordinal);
            Assert.AreEqual("start-failed", failure.Code);
        }
        finally
        {
            await service.RemoveAsync(CancellationToken.None);
        }
    }

    [TestMethod]
    public void EveryStartFailure_HasWords()
    {
        foreach (var failure in Enum.GetValues<StartFailure>())
            Assert.IsNotNull(StartFailureText.Find((int)failure), failure.ToString());
        Assert.IsNull(StartFailureText.Find(1));
    }

    [TestMethod]
    public unsafe void Structures_AreAsLongAsTheSystems()
    {
        Assert.AreEqual(36, sizeof(Cli.Windows.ServiceStatus));
        Assert.AreEqual(28, sizeof(Manager.Windows.ServiceStatus));
        Assert.AreEqual(40, sizeof(ServiceNative.FailureActions));
        Assert.AreEqual(8, sizeof(ServiceNative.FailureAction));
        Assert.AreEqual(28, (int)Marshal.OffsetOf<Cli.Windows.ServiceStatus>(nameof(Cli.Windows.ServiceStatus.ProcessId)));
    }

    private static (TwinsdService Service, string Name) New()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"twinsd-test-{Environment.ProcessId}-{Interlocked.Increment(ref _last)}");
        return (new TwinsdService(name, TimeProvider.System), name);
    }

    /// <summary>What the program under the tests' name does is told it by its arguments.</summary>
    private static unsafe void SetArguments(string name, string arguments)
    {
        using var manager = ServiceNative.OpenManager(null, null, ServiceNative.Connect);
        using var service = ServiceNative.OpenService(manager, name, ServiceNative.ChangeConfig);
        if (!ChangeServiceConfig(service, NoChange, NoChange, NoChange, $"\"{Environment.ProcessPath}\" {arguments}", null, null, null, null, null, null))
            throw new Win32Exception();
    }

    [LibraryImport("advapi32", EntryPoint = "ChangeServiceConfigW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static unsafe partial bool ChangeServiceConfig(
        ServiceHandle service, uint type, uint start, uint errorControl, string commandLine,
        string? group, uint* tag, string? dependencies, string? account, string? password, string? displayName);
}
