using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>What is dropped has a reason and a counter, and <c>twins show</c> tells it: of the process, of its twin, of the node.</summary>
[TestClass]
public sealed class DropTests : LabTest
{
    [TestMethod]
    public void HeldProcess_WhatItsSocketsSend_IsToldAsTheNodes()
    {
        MobileProcess server = RunMobile(Home, "ticker", "python3", "-c", """
            import socket, time
            s = socket.create_server(('10.77.0.2', 7000))
            c = s.accept()[0]
            while True:
                c.sendall(b'tick\n')
                time.sleep(0.02)
            """);
        WaitForListener(Home, 7000);
        BackgroundProgram client = Start(Peer, "python3", "-c", """
            import socket
            s = socket.create_connection(('10.77.0.2', 7000)).makefile()
            for number, line in enumerate(s): print(number, line.strip(), flush=True)
            """);
        client.WaitFor("5 tick");
        long before = Silenced(server);
        Home.Exec(Repository.Cli, "hold", server.Name).Succeeded();
        Eventually.Holds(() => Silenced(server) > before, () => $"what it still sends is counted: {Show(server)}");
        Assert.Contains(" Silenced (by this node's kernel rules, for whichever process)", Home.Shell($"twins show {server.Name}"));
        Home.Exec(Repository.Cli, "release", server.Name).Succeeded();
        client.WaitFor("100 tick");

        // Nothing is diverted any more, so the kernel's counter is gone with the table.
        AssertNothingIsLeft();
        Assert.IsGreaterThan(before, Silenced(server));
    }

    [TestMethod]
    public void PacketOfALegThatIsOfNoFlow_IsToldAsTheTwins()
    {
        MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "1").WaitUntilReady();
        server.MigrateTo(Host1);
        client.AssertGoesOn();

        // The host's end of the leg, as the rule there has it: 6 . 10.77.0.3 . PORT : mark.
        string leg = Host1.Shell("nft list map inet twins leg_destinations4 | grep -o '10\\.77\\.0\\.3 \\. [0-9]*' | head -n 1").Trim().Split(' ')[^1];
        Start(Host1, "python3", "-c", $"""
            import socket
            foreign = socket.socket()
            # As the twin marks what it sends: nothing else that is sent from there gets out.
            foreign.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x74580000)
            foreign.bind(('10.77.0.3', {leg}))
            foreign.settimeout(60)
            foreign.connect(('10.77.0.2', 9))
            """);
        Eventually.Holds(() => Show(server).GetProperty("twinDrops").TryGetProperty("UnknownLeg", out _), () => $"the foreign segment is counted: {Show(server)}");
        Assert.Contains(" UnknownLeg (by this twin, for no process that it has)", Home.Shell($"twins show {server.Name}"));
        client.AssertGoesOn();
        client.Finish();
    }

    private static JsonElement Show(MobileProcess server) => Home.Twins("show", server.Name).Exits(0).Document;

    private static long Silenced(MobileProcess server) =>
        Show(server).GetProperty("nodeDrops").TryGetProperty("Silenced", out JsonElement packets) ? packets.GetInt64() : 0;
}
