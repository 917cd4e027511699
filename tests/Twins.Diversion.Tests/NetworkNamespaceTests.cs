using Twins.Diversion.Linux;

namespace Twins.Diversion.Tests;

[TestClass]
public sealed class NetworkNamespaceTests
{
    [TestMethod]
    public void ThreadThatWasBornInAnotherNamespace_ComesBackToTheProgramsOwn()
    {
        using var network = new TestNetwork();
        string? before = null, after = null;
        NetworkNamespace.Run(network.Home, () =>
        {
            var born = new Thread(() =>
            {
                before = Name("/proc/thread-self/ns/net");
                NetworkNamespace.ComeBack();
                after = Name("/proc/thread-self/ns/net");
            });
            born.Start();
            born.Join();
        });
        Assert.AreNotEqual(Name("/proc/self/ns/net"), before);
        Assert.AreEqual(Name("/proc/self/ns/net"), after);
    }

    private static string? Name(string path) => File.ResolveLinkTarget(path, returnFinalTarget: false)?.Name;
}
