using System.Net.Sockets;
using Twins.Diversion.Linux;
using Twins.Protocol;

namespace Twins.Worker.Tests;

[TestClass]
public sealed class ControlTests
{
    [TestMethod]
    public void StaleEpoch_IsRefusedAndChangesNothing()
    {
        using var relay = new Relay();
        relay.Migrated(epoch: 5);
        var reply = relay.Home.Ask(Relay.Process, 4, request => request.Release = new Release());
        Assert.AreEqual(TwinError.TwinStaleEpoch, reply.Error);
        Assert.AreEqual("epoch 4, but 5 is known", reply.Message);
        Assert.AreEqual(TwinProcessStatus.Types.Role.Redirecting, relay.Home.Status(Relay.Process).Role);
        Assert.AreEqual(5UL, relay.Home.Status(Relay.Process).Epoch);
    }

    [TestMethod]
    public void UnknownProcess_IsNamed_ButReleaseAndForgetAreDone()
    {
        using var relay = new Relay();
        Assert.AreEqual(TwinError.TwinUnknownProcess, relay.Home.Ask("nobody", 1, request => request.HostReady = new HostReady()).Error);
        Assert.AreEqual(TwinError.TwinUnknownProcess, relay.Home.Ask("nobody", 1, request => request.AddFlows = new AddFlows()).Error);
        Assert.AreEqual(TwinError.TwinUnknownProcess, relay.Home.Ask("nobody", 0, request => request.Status = new Status()).Error);
        relay.Home.Do("nobody", 1, request => request.Release = new Release());
        relay.Home.Do("nobody", 1, request => request.Forget = new Forget());
    }

    [TestMethod]
    public void InvalidCommands_AreRefusedAndChangeNothing()
    {
        using var relay = new Relay();
        relay.Migrated(epoch: 2);
        var good = new Flow
        {
            Connection = new Connection { Transport = Transport.Tcp, Local = Relay.At("10.99.0.2", 80), Peer = Relay.At("10.99.0.1", 4000) },
            HomeLeg = Relay.At("10.99.0.2", 62_000),
            HostLeg = Relay.At("10.99.0.3", 61_000),
        };
        var otherFamily = good.Clone();
        otherFamily.HostLeg = Relay.At("fd77::3", 61_000);
        var noTransport = good.Clone();
        noTransport.Connection.Transport = Transport.Unspecified;
        var port = good.Clone();
        port.HomeLeg.Port = 65_536;
        foreach (var flow in new[] { otherFamily, noTransport, port, new Flow() })
        {
            Assert.AreEqual(TwinError.TwinInvalid, relay.Home.Ask(Relay.Process, 3, request =>
            {
                request.AddFlows = new AddFlows();
                request.AddFlows.Flows.Add(good);
                request.AddFlows.Flows.Add(flow);
            }).Error);
        }

        Assert.AreEqual(TwinError.TwinInvalid, relay.Home.Ask(Relay.Process, 3, _ => { }).Error);
        Assert.AreEqual(TwinError.TwinInvalid, relay.Home.Ask("", 3, request => request.Forget = new Forget()).Error);
        Assert.AreEqual(TwinError.TwinInvalid, relay.Home.Ask("p2", 3, request => request.Host = new Host { Home = Relay.At("10.99.0.2", 0) }).Error);
        var status = relay.Home.Status(Relay.Process);
        Assert.AreEqual(2UL, status.Epoch);
        Assert.AreEqual(0u, status.Flows);
    }

    [TestMethod]
    [DataRow("05FFFFFFFFFF", DisplayName = "no protobuf")]
    [DataRow("FFFFFFFFFFFFFFFFFF", DisplayName = "length that never ends")]
    [DataRow("8180800400", DisplayName = "longer than 4 MiB")]
    public void Garbage_ClosesTheConnectionAndNothingElse(string octets)
    {
        using var relay = new Relay();
        relay.Start();
        using var listener = relay.ListenInCabin();
        var (peer, process) = relay.Connect(listener);
        relay.Home.SendRaw(Convert.FromHexString(octets));
        Eventually.Holds(() => relay.Home.IsClosed, "the connection closed");
        Stream.AssertExchange(peer, process, 10_000);
        relay.NewHomeClient();
        Assert.AreEqual(1u, relay.Home.Status(Relay.Process).Flows);
        Assert.IsFalse(relay.HomeTwin.HasExited);
    }

    [TestMethod]
    public void SecondConnection_IsServedBesideTheFirst()
    {
        using var relay = new Relay();
        var first = relay.Home;
        relay.Migrated();
        var second = relay.NewHomeClient();
        Assert.AreEqual(2UL, second.Status(Relay.Process).Epoch);
        relay.Hosted();
        using var peer = TestNetwork.NewTcp(relay.Network.Peer);
        using var listener = relay.ListenInCabin();
        var connecting = peer.ConnectAsync(TestNetwork.HomeAddress, Relay.Port);
        Assert.AreEqual(Relay.Process, first.NextEvent("the first is told").ProcessId);
        relay.Answer(second, FlowRequested.Types.Origin.Peer);
        Assert.IsTrue(connecting.Wait(TimeSpan.FromSeconds(20)));
        Assert.AreEqual(1u, first.Status(Relay.Process).Flows);
        Assert.IsFalse(first.IsClosed);
    }

    [TestMethod]
    public void ConnectionWithoutAGoodCommand_IsToldNothing()
    {
        using var relay = new Relay();
        relay.Start();
        var stranger = relay.Keep(new TwinClient(relay.HomeTwin.ControlPath));
        Assert.AreEqual(TwinError.TwinInvalid, stranger.Ask("", 3, request => request.Forget = new Forget()).Error);
        using var listener = relay.ListenInCabin();
        relay.Connect(listener);
        Assert.IsEmpty(stranger.Events);
    }

    [TestMethod]
    public void ManyThatSayNothing_MakeWayForWhoeverComesNext()
    {
        using var relay = new Relay();
        relay.Migrated();
        var silent = Enumerable.Range(0, 40).Select(_ => relay.Keep(new TwinClient(relay.HomeTwin.ControlPath))).ToList();
        Eventually.Holds(() => silent.Count(client => !client.IsClosed) == ControlEndpoint.MaximumConnections - 1, "as many as there is room for beside the first");
        Assert.AreEqual(2UL, relay.Keep(new TwinClient(relay.HomeTwin.ControlPath)).Status(Relay.Process).Epoch);
        Assert.AreEqual(2UL, relay.Home.Status(Relay.Process).Epoch);
    }

    [TestMethod]
    public void RoomTakenByGoodOnes_TheNewcomerIsTurnedAwayUntilOneLeaves()
    {
        using var relay = new Relay();
        relay.Migrated();
        var others = Enumerable.Range(1, ControlEndpoint.MaximumConnections - 1).Select(_ => relay.Keep(new TwinClient(relay.HomeTwin.ControlPath))).ToList();
        others.ForEach(client => client.Status(Relay.Process));
        var late = relay.Keep(new TwinClient(relay.HomeTwin.ControlPath));
        Eventually.Holds(() => late.IsClosed, "turned away");
        others[0].Dispose();
        Eventually.Holds(() => Served(relay), "there is room again");
        Assert.AreEqual(2UL, relay.Home.Status(Relay.Process).Epoch);
    }

    [TestMethod]
    public void RepeatedOffences_AreLoggedOnce()
    {
        using var relay = new Relay();
        relay.Migrated(epoch: 5);
        foreach (var octets in new[] { "05FFFFFFFFFF", "FFFFFFFFFFFFFFFFFF", "8180800400", "10" })
        {
            using var client = new TwinClient(relay.HomeTwin.ControlPath);
            client.SendRaw(Convert.FromHexString(octets));
            if (octets == "10")
                client.ShutDown(); // a message of 16 octets that has none
            Eventually.Holds(() => client.IsClosed, "the connection closed");
        }

        for (var i = 0; i < 3; i++)
            Assert.AreEqual(TwinError.TwinStaleEpoch, relay.Home.Ask(Relay.Process, 4, request => request.Release = new Release()).Error);
        Assert.AreEqual(TwinError.TwinInvalid, relay.Home.Ask(new string('x', 1_000_000), 4, request => request.Release = new Release()).Error);
        // The end of the log is there when this line is.
        relay.HomeTwin.Kill();
        var lines = relay.HomeTwin.Log.Split('\n');
        Assert.HasCount(1, lines.Where(line => line.Contains("control-refused")).ToArray());
        Assert.HasCount(1, lines.Where(line => line.Contains("command-refused") && line.Contains("TwinStaleEpoch")).ToArray());
        Assert.IsLessThanOrEqualTo(1000, lines.Max(line => line.Length));
    }

    [TestMethod]
    public void AnotherUser_IsRefusedAndLoggedOnce()
    {
        using var relay = new Relay();
        var path = relay.HomeTwin.ControlPath;
        Shell.Run($"chmod 755 {Path.GetDirectoryName(path)}; chmod 666 {path}");
        for (var i = 0; i < 2; i++)
            Assert.AreEqual("", Shell.Run($"setpriv --reuid=65534 --regid=65534 --clear-groups socat -u UNIX-CONNECT:{path} STDOUT"));
        Eventually.Holds(() => relay.HomeTwin.Log.Contains("control-refused"), "it is logged");
        Assert.AreEqual(1, relay.HomeTwin.Log.Split("control-refused user=65534").Length - 1);
        Assert.IsFalse(relay.Home.IsClosed);
        relay.Migrated();
    }

    [TestMethod]
    public void EveryThread_HasThreeCapabilitiesAndNoWayToMore()
    {
        using var relay = new Relay();
        relay.Migrated();
        foreach (var thread in Directory.GetDirectories($"/proc/{relay.HomeTwin.ProcessId}/task"))
        {
            var status = File.ReadAllText(Path.Combine(thread, "status"));
            foreach (var set in new[] { "CapPrm", "CapEff", "CapBnd" })
                Assert.Contains($"{set}:\t0000000000003400\n", status);
            Assert.Contains("NoNewPrivs:\t1\n", status);
        }

        var control = File.GetUnixFileMode(relay.HomeTwin.ControlPath);
        Assert.AreEqual(UnixFileMode.UserRead | UnixFileMode.UserWrite, control);
    }

    [TestMethod]
    public void WrongCommandLine_IsExplained()
    {
        Assert.IsNull(TwinOptions.Parse(["--queue", "70000"], out var fault));
        Assert.AreEqual("'70000' is no number from 0 to 65535", fault);
        Assert.IsNull(TwinOptions.Parse(["--queue", "7"], out fault));
        Assert.AreEqual("--control and --queue are required", fault);
        Assert.IsNull(TwinOptions.Parse(["--whatever"], out fault));
        Assert.AreEqual("unknown option --whatever", fault);
        Assert.AreEqual(new TwinOptions("/x", 7, 16_777_216, TimeSpan.FromSeconds(60)), TwinOptions.Parse(["--control", "/x", "--queue", "7"], out _));
    }

    private static bool Served(Relay relay)
    {
        using var client = new TwinClient(relay.HomeTwin.ControlPath);
        try
        {
            client.SendRaw(Convert.FromHexString("03B20100")); // STATUS, field 22
        }
        catch (SocketException)
        {
            return false; // turned away before it could ask
        }

        Eventually.Holds(() => client.HasReply || client.IsClosed, "an answer or an end");
        return client.HasReply;
    }

    [TestMethod]
    public void AnyOctets_AreRequestsOrRefused()
    {
        var random = new Random(20260925);
        for (var i = 0; i < 20_000; i++)
        {
            var reader = new FrameReader();
            var octets = new byte[random.Next(60)];
            random.NextBytes(octets);
            if (octets.Length > 0)
                octets[0] &= 0x3F;
            octets.CopyTo(reader.Free);
            reader.Advance(octets.Length);
            try
            {
                while (reader.TryRead(out _))
                {
                }
            }
            catch (InvalidDataException)
            {
                // Refused.
            }
        }
    }
}
