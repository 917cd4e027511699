using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Twins.Manager.Cluster;
using Twins.Protocol;

namespace Twins.Manager.Tests.Cluster;

[TestClass]
public sealed class RenewalTests
{
    [TestMethod]
    public async Task CertificateThatIsDue_IsRenewed_AndNewConnectionsShowTheNewOne()
    {
        await using var home = await TestNode.StartFirstAsync();
        await using var host1 = await TestNode.StartAsync("host1");
        await host1.JoinAsync(home);
        var now = DateTimeOffset.UtcNow;
        using var old = home.Cluster.Authority!.Issue("host1", host1.Cluster.Identity!.Certificate.PublicKey, now.AddMinutes(-9), now.AddMinutes(4));
        host1.Cluster.Renew(old);
        Assert.IsTrue(CertificateRenewal.IsDue(host1.Cluster.Identity.Certificate, now));

        await host1.Renewal.RenewAsync(CancellationToken.None);

        var renewed = host1.Cluster.Identity.Certificate;
        Assert.IsFalse(CertificateRenewal.IsDue(renewed, now));
        await host1.StopAsync();
        await using var again = await TestNode.StartAsync("host1", directory: Path.GetDirectoryName(host1.Options.StateDirectory), port: host1.Options.ApiPort);
        Assert.AreEqual(renewed.SerialNumber, again.Cluster.Identity!.Certificate.SerialNumber, "it is on the disk");
        Assert.AreEqual(renewed.SerialNumber, (await again.Connections.Client("home").DescribeAsync(new DescribeRequest())).Version);
    }

    [TestMethod]
    public async Task CertificateRenewedWhileAChannelIsOpen_IsShownByTheNextConnection()
    {
        await using var home = await TestNode.StartFirstAsync();
        await using var host1 = await TestNode.StartAsync("host1");
        await host1.JoinAsync(home);
        var client = host1.Connections.Client("home");
        var first = (await client.DescribeAsync(new DescribeRequest())).Version;
        await host1.Renewal.RenewAsync(CancellationToken.None);
        Assert.AreEqual(first, (await client.DescribeAsync(new DescribeRequest())).Version, "an open connection goes on");
        await home.StopAsync();
        await using var again = await TestNode.StartAsync("home", directory: Path.GetDirectoryName(home.Options.StateDirectory), port: home.Options.ApiPort);
        Assert.AreEqual(
            host1.Cluster.Identity!.Certificate.SerialNumber,
            (await host1.Connections.Client("home").DescribeAsync(new DescribeRequest(), new CallOptions().WithWaitForReady())).Version);
    }

    [TestMethod]
    public async Task Authority_RenewsItsOwnCertificate()
    {
        await using var home = await TestNode.StartFirstAsync();
        var before = home.Cluster.Identity!.Certificate.SerialNumber;
        await home.Renewal.RenewAsync(CancellationToken.None);
        Assert.AreNotEqual(before, home.Cluster.Identity.Certificate.SerialNumber);
        Assert.AreEqual("home", home.Cluster.Identity.Name);
    }

    [TestMethod]
    public async Task MemberWithoutTheAuthority_IssuesNothing_AndTheCauseIsTold()
    {
        await using var home = await TestNode.StartFirstAsync();
        await using var host1 = await TestNode.StartAsync("host1");
        await using var host2 = await TestNode.StartAsync("host2");
        await host1.JoinAsync(home);
        await host2.JoinAsync(home);
        await home.StopAsync();
        var before = host2.Cluster.Identity!.Certificate.SerialNumber;
        var refused = await Assert.ThrowsExactlyAsync<ClusterException>(() => host2.Renewal.RenewAsync(CancellationToken.None));
        Assert.AreEqual("No node that has the cluster's authority answered. It is the one on which 'twins cluster init' was run.", refused.Message);
        Assert.AreEqual(before, host2.Cluster.Identity.Certificate.SerialNumber);
    }

    [TestMethod]
    public async Task Request_IsForTheCallersOwnName_WhateverItSays()
    {
        await using var home = await TestNode.StartFirstAsync();
        await using var host1 = await TestNode.StartAsync("host1");
        await host1.JoinAsync(home);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var client = host1.Connections.Client("home");
        var reply = await client.RenewCertificateAsync(new RenewCertificateRequest { SigningRequest = SigningRequest.Create("home", key) });
        using var issued = X509CertificateLoader.LoadCertificate(reply.Certificate.Span);
        Assert.AreEqual("host1", ClusterIdentity.NameOf(issued));
        var refused = await Assert.ThrowsExactlyAsync<RpcException>(
            async () => await client.RenewCertificateAsync(new RenewCertificateRequest { SigningRequest = ByteString.CopyFromUtf8("garbage") }));
        Assert.AreEqual(StatusCode.InvalidArgument, refused.StatusCode);
    }
}
