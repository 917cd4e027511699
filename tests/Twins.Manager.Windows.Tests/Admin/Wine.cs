using System.Runtime.InteropServices;

namespace Twins.Manager.Windows.Tests.Admin;

/// <summary>For tests that change what is the whole machine's: under wine that is a prefix of their own.</summary>
internal static class Wine
{
    public static void Only()
    {
        if (!NativeLibrary.TryGetExport(NativeLibrary.Load("ntdll"), "wine_get_version", out _))
            Assert.Inconclusive("It would change this machine's registry.");
    }
}
