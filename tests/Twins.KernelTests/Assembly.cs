using Twins.KernelTests.Lab;

[assembly: DoNotParallelize]

namespace Twins.KernelTests;

/// <summary>The lab lives as long as the tests of this assembly.</summary>
[TestClass]
public static class LabLifetime
{
    [AssemblyInitialize]
    public static void MakeLab(TestContext context) => TestLab.Up();

    [AssemblyCleanup]
    public static void RemoveLab() => TestLab.Down();
}
