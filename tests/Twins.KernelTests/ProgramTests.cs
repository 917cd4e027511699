using System.Globalization;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>Unmodified programs of many kinds move home -> host1 -> host2 -> home under traffic that is checked byte by byte.</summary>
[TestClass]
public sealed class ProgramTests : LabTest
{
    [TestMethod]
    public void Nginx_MasterAndWorkersMoveTogether_DownloadsInFlightAreComplete()
    {
        MobileProcess nginx = RunMobile(Home, "nginx", TestFiles.Nginx(8080));
        WaitForListener(Home, 8080);
        Eventually.Holds(() => nginx.Tree().Count == 3, "nginx has a master and two workers");
        int[] tree = [.. nginx.Tree().Order()];
        CheckedClient client = Browse(8080);
        MoveAround(nginx, client, at => Assert.AreSequenceEqual(tree, nginx.Tree().Order(), $"the tree on {at.Name}"));
    }

    [TestMethod]
    public void PythonHttpServer_Moves_DownloadsInFlightAreComplete()
    {
        MobileProcess server = RunMobile(Home, "http", "python3", "-m", "http.server", "8080", "--directory", TestFiles.Web.Directory);
        WaitForListener(Home, 8080);
        MoveAround(server, Browse(8080), null);
    }

    /// <summary>What the server has closed is in no image: each node that it was on brings its own to their end.</summary>
    [TestMethod]
    public void SlowClients_OfAServerThatClosesWhenAllIsWritten_GetAllOfIt()
    {
        MobileProcess server = RunMobile(Home, "http", "python3", "-m", "http.server", "8080", "--directory", TestFiles.Web.Directory);
        WaitForListener(Home, 8080);
        var client = new CheckedClient(Start(Peer, "python3", Repository.Rig("checked_http.py"), "10.77.0.2:8080",
            "/middle.bin", TestFiles.Web.MiddleSha256, "/small.bin", TestFiles.Web.SmallSha256, "--downloads", "8", "--rate", "1000000"));
        MoveAround(server, client, null);
    }

    [TestMethod]
    public void NodeServer_Moves_DownloadsInFlightAreComplete()
    {
        MobileProcess server = RunMobile(Home, "node", "node", Repository.Rig("file_server.js"), TestFiles.Web.Directory, "8080");
        WaitForListener(Home, 8080);
        MoveAround(server, Browse(8080), null);
    }

    [TestMethod]
    public void DotnetProgram_Moves_ItsConnectionsGoOn()
    {
        MobileProcess server = RunMobile(Home, "dotnet", TestFiles.EchoServerInDotnet, "7000");
        WaitForListener(Home, 7000);
        MoveAround(server, Talk("10.77.0.2:7000", "--connections", "4"), null);
    }

    [TestMethod]
    public void CProgram_Moves_ItsConnectionsGoOn()
    {
        MobileProcess server = RunMobile(Home, "c", TestFiles.EchoServerInC, "7000");
        WaitForListener(Home, 7000);
        MoveAround(server, Talk("10.77.0.2:7000", "--connections", "4", "--rate", "0"), null);
    }

    private static void MoveAround(MobileProcess process, CheckedClient client, Action<Machine>? check)
    {
        client.WaitUntilReady().AssertGoesOn();
        PeerCounters before = PeerCounters.Read(Peer);
        int epoch = 1;
        foreach (Machine destination in new[] { Host1, Host2, Home })
        {
            Assert.AreEqual(++epoch, process.MigrateTo(destination).GetProperty("epoch").GetInt32());
            AssertEverywhere(process, epoch);
            check?.Invoke(destination);
            client.AssertGoesOn();
            before.AssertNothingBroken(PeerCounters.Read(Peer));
        }
        AssertNothingIsLeft();
        client.Finish();
    }
}
