using System.Net;
using System.Net.Sockets;
using Twins.Manager.Cluster;
using Twins.Manager.Settings;

namespace Twins.Manager.Tests.Cluster;

/// <summary>A start where the node API's ports are taken is refused before anything is changed.</summary>
[TestClass]
public sealed class NodePortsTests
{
    [TestMethod]
    [DataRow("", false)]
    [DataRow("127.0.0.1", false)]
    [DataRow("127.0.0.1", true)]
    public void PortTaken_IsRefusedByName_AndAcceptedOnceItIsFree(string address, bool isJoinPort)
    {
        var options = new TwinsdOptions { Address = address, ApiPort = TestNode.FreePorts() };
        var port = isJoinPort ? options.JoinPort : options.ApiPort;
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        other.Bind(new IPEndPoint(IPAddress.Loopback, port));
        other.Listen();

        var refused = Assert.ThrowsExactly<IOException>(() => NodePorts.RequireFree(options));
        Assert.Contains($"TCP port {port} is taken", refused.Message);

        other.Close();
        NodePorts.RequireFree(options);
    }

    [TestMethod]
    public void AddressOfNoInterface_IsRefused()
    {
        var refused = Assert.ThrowsExactly<IOException>(() => NodePorts.RequireFree(new TwinsdOptions { Address = "192.0.2.1" }));
        Assert.Contains("192.0.2.1 (setting address) is none of this node's addresses", refused.Message);
    }
}
