using System.Runtime.InteropServices;
using Twins.KernelTests.Lab;

// Each test has a lab and a browser of its own while it runs.
[assembly: Parallelize(Workers = 2, Scope = ExecutionScope.MethodLevel)]

namespace Twins.Admin.Tests;

/// <summary>Labs live as long as the tests of this assembly.</summary>
[TestClass]
public static class LabLifetime
{
    // Kept, or it would end with its finalizer.
    private static PosixSignalRegistration? _ended;

    [AssemblyInitialize]
    public static void RemoveLabsAtExit(TestContext context)
    {
        // On a busy machine.
        Microsoft.Playwright.Assertions.SetDefaultExpectTimeout(60_000);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => TestLab.DownAll();
        _ended = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => TestLab.DownAll());
    }

    [AssemblyCleanup]
    public static void RemoveLabs() => TestLab.DownAll();
}
