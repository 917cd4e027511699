using System.IO.Pipes;
using System.Security.Principal;
using Twins.Worker.Windows;

namespace Twins.Worker.Windows.Tests;

[TestClass]
public sealed class PipeControlEndpointTests
{
    private readonly string _name = $"twins-control-test-{Guid.NewGuid():N}";

    [TestMethod]
    public void ItsUser_MayOpenIt_AndNobodyFromAnotherMachine()
    {
        using var endpoint = new PipeControlEndpoint(@"\\.\pipe\" + _name, _ => { });
        endpoint.Start();
        using var client = new NamedPipeClientStream(".", _name, PipeDirection.InOut, PipeOptions.CurrentUserOnly, TokenImpersonationLevel.Anonymous);
        client.Connect(60_000);
        var rules = client.GetAccessControl().GetAccessRules(includeExplicit: true, includeInherited: true, typeof(SecurityIdentifier))
            .Cast<PipeAccessRule>().Select(rule => $"{rule.AccessControlType} {rule.IdentityReference} {(int)rule.PipeAccessRights:x}");
        // S-1-5-2 is whoever comes over the network; 1f019f is everything.
        Assert.AreEqual($"Allow {WindowsIdentity.GetCurrent().Owner} 1f019f\nDeny S-1-5-2 1f019f", string.Join('\n', rules.Order()));
    }
}
