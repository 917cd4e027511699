using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary><c>twins capture</c> on real packets of the lab.</summary>
[TestClass]
public sealed class CaptureTests : LabTest
{
    private const string Secret = "a-value-that-nobody-else-should-see";

    [TestMethod]
    public void MoveOfARedis_IsSeenWhole_HeldReleasedAndRewritten_AndTheFileSaysItAgain()
    {
        MobileProcess redis = StartRedis();
        BackgroundProgram client = Start(Peer, "redis-cli", "-h", "10.77.0.2", "-r", "100000", "-i", "0.02", "incr", "n");
        client.WaitFor("3\n");
        BackgroundProgram live = Capture(Home, redis.Name);
        BackgroundProgram written = Capture(Home, redis.Name, "-w", "/tmp/move.pcapng");
        BackgroundProgram remote = Capture(Host2, "--node", "host1");
        try
        {
            redis.MigrateTo(Host1);
            Eventually.Holds(() => live.Output.Contains("\"did\":\"rewritten\"", StringComparison.Ordinal), "packets are rewritten");
            JsonElement document = End(live);
            JsonElement[] packets = [.. document.GetProperty("packets").EnumerateArray()];
            Assert.IsTrue(packets.All(packet => Text(packet, "process") == redis.Name && Text(packet, "connection").EndsWith("<->10.77.0.2:6379", StringComparison.Ordinal)));
            CollectionAssert.IsSubsetOf((string[])["", "held", "released", "rewritten"], packets.Select(packet => Text(packet, "did")).Distinct().ToArray());
            JsonElement rewritten = packets.First(packet => Text(packet, "did") == "rewritten" && Text(packet, "to") == "process");
            Assert.AreEqual("peer-home home-host", $"{Text(rewritten, "leg")} {Text(rewritten, "nextLeg")}");
            Assert.StartsWith("10.77.0.1:", Text(rewritten, "source"));
            Assert.StartsWith("10.77.0.3:6", Text(rewritten, "rewrittenDestination"));
            // As it came and as it left: two frames, one line, so that nothing of a leg is a line of its own.
            Assert.IsTrue(packets.Any(packet => Text(packet, "did") == "rewritten" && packet.GetProperty("interfaces").GetArrayLength() >= 2));
            Assert.IsTrue(packets.Where(packet => Text(packet, "leg") == "home-host").All(packet => Text(packet, "to") == "peer"), document.ToString());
            AssertWithoutPayload(packets);

            JsonElement connection = document.GetProperty("connections").EnumerateArray().First(one => one.GetProperty("held").GetInt64() > 0);
            Assert.AreEqual(connection.GetProperty("held").GetInt64(), connection.GetProperty("released").GetInt64());
            Assert.IsGreaterThan(0.0, connection.GetProperty("longestSilenceToPeerMilliseconds").GetDouble());
            Assert.AreEqual(0, document.GetProperty("missed").GetInt64());

            AssertFileSaysTheSame(written);
            JsonElement[] host = [.. End(remote).GetProperty("packets").EnumerateArray().Where(packet => Text(packet, "did") == "rewritten")];
            Assert.IsTrue(host.Any(packet => Text(packet, "leg") == "home-host" && Text(packet, "nextLeg") == "host-cabin"));
            Assert.IsTrue(host.Any(packet => Text(packet, "leg") == "host-cabin" && Text(packet, "nextLeg") == "home-host"));
            Assert.IsFalse(client.HasEnded, client.ToString());
        }
        finally
        {
            Home.Shell("rm -f /tmp/move.pcapng");
        }
    }

    [TestMethod]
    public void FirstPackets_AreLabelledAsAllThatFollow()
    {
        MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "1", "--rate", "50").WaitUntilReady();
        server.MigrateTo(Host1);
        for (int i = 0; i < 5; i++)
        {
            JsonElement document = Home.Twins("capture", server.Name, "--count", "3").Exits(0).Document;
            Assert.AreEqual("rewritten rewritten rewritten", string.Join(' ', document.GetProperty("packets").EnumerateArray().Select(packet => Text(packet, "did"))), document.ToString());
        }
        client.Finish();
    }

    [TestMethod]
    [DataRow("capture")]
    [DataRow("capture -w -")]
    [DataRow("log --follow")]
    public void NobodyReadsItsOutputAnyMore_Ends(string command)
    {
        RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        Talk("10.77.0.2:7000", "--connections", "1").WaitUntilReady().AssertGoesOn();
        Home.Exec("timeout", "30", "sh", "-c", $"'{Repository.Cli}' {command} | head -c 100 | wc -c").Succeeded();
    }

    [TestMethod]
    public void Payload_IsNeitherShownNorStored_UnlessItIsAskedFor()
    {
        MobileProcess redis = StartRedis();
        try
        {
            foreach ((string file, string[] payload) in new[] { ("/tmp/without.pcapng", (string[])[]), ("/tmp/with.pcapng", ["--payload"]) })
            {
                BackgroundProgram text = StartCapture(Home, [redis.Name, .. payload]);
                BackgroundProgram document = Capture(Home, [redis.Name, .. payload]);
                BackgroundProgram stored = Capture(Home, [redis.Name, "-w", file, .. payload]);
                Peer.Exec("redis-cli", "-h", "home", "set", "key", Secret).Succeeded();
                Eventually.Holds(() => Home.Shell($"stat -c %s {file}") is { } size && long.Parse(size, System.Globalization.CultureInfo.InvariantCulture) > 600, "packets are written");
                string said = End(document).ToString();
                End(stored);
                string lines = text.Stop(Native.SigInt).Exits(0).Output;
                Assert.Contains("6379", lines);
                Assert.AreEqual(payload.Length > 0, lines.Contains(Secret, StringComparison.Ordinal), lines);
                Assert.AreEqual(payload.Length > 0, HasSecret(said), said);
                Assert.AreEqual(payload.Length > 0 ? 0 : 1, Home.Exec("grep", "-q", Secret, file).ExitCode);
                Assert.AreEqual("600", Home.Shell($"stat -c %a {file}").Trim());
            }
        }
        finally
        {
            Home.Shell("rm -f /tmp/without.pcapng /tmp/with.pcapng");
        }
    }

    [TestMethod]
    public void FileOfTcpdump_IsRead_WithoutLabels()
    {
        MobileProcess redis = StartRedis();
        BackgroundProgram dump = Start(Peer, "tcpdump", "-nU", "-i", "eth0", "-w", "/tmp/dump.pcap", "tcp port 6379");
        try
        {
            dump.WaitFor("listening on");
            Peer.Exec("redis-cli", "-h", "home", "set", "a", "b").Succeeded();
            Eventually.Holds(() => Peer.Exec(Repository.Cli, "capture", "-r", "/tmp/dump.pcap").Output.Contains(" F. ", StringComparison.Ordinal), "the end of the connection is in the file");
            dump.Stop(Native.SigInt);
            JsonElement document = Peer.Twins("capture", "-r", "/tmp/dump.pcap", "--filter", "tcp[tcpflags] & tcp-syn != 0").Exits(0).Document;
            Assert.AreEqual("S S.", string.Join(' ', document.GetProperty("packets").EnumerateArray().Select(packet => Text(packet.GetProperty("tcp"), "flags"))));
            JsonElement one = Peer.Twins("capture", "-r", "/tmp/dump.pcap", "--count", "3").Exits(0).Document;
            Assert.AreEqual(3, one.GetProperty("packets").GetArrayLength());
            Assert.AreEqual("", Text(one.GetProperty("connections")[0], "process"));
            Assert.EndsWith("<->10.77.0.2:6379", Text(one.GetProperty("connections")[0], "connection"));
        }
        finally
        {
            Peer.Shell("rm -f /tmp/dump.pcap");
        }
    }

    [TestMethod]
    public void Follow_ShowsThatConnectionAlone_AndCountEndsIt()
    {
        MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "3", "--rate", "100").WaitUntilReady();
        string peer = Home.Shell("ss -Htn state established 'sport = :7000'").Split('\n')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)[3];
        JsonElement document = new TwinsResult(Capture(Home, server.Name, "--follow", peer, "--count", "7").WaitForEnd()).Exits(0).Document;
        Assert.AreEqual(7, document.GetProperty("packets").GetArrayLength());
        Assert.AreEqual($"tcp/{peer}<->10.77.0.2:7000", Text(document.GetProperty("connections").EnumerateArray().Single(), "connection"));
        client.Finish();
    }

    [TestMethod]
    public void CaptureGoesOn_WhileTwinsdIsAway_AndIsLabelledWhenItIsBack()
    {
        MobileProcess server = RunMobile(Home, "echo", "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        CheckedClient client = Talk("10.77.0.2:7000", "--connections", "1", "--rate", "50").WaitUntilReady();
        BackgroundProgram capture = Capture(Home, server.Name);
        Configure(Home, "{}");
        capture.WaitFor("packets aren't labelled until it is back");
        server.MigrateTo(Host1);
        client.AssertGoesOn();
        Eventually.Holds(() => capture.Output.Contains("\"did\":\"rewritten\"", StringComparison.Ordinal), "what the twin does is told again");
        End(capture);
        client.Finish();
    }

    [TestMethod]
    public void WhatCannotBe_IsSaidWithTheRemedy()
    {
        MobileProcess redis = StartRedis();
        Fails(4, "permission-denied", "run it with sudo", Home.Exec("setpriv", "--reuid", "65534", "--clear-groups", Repository.Cli, "capture", "--json"));
        Fails(1, "no-libpcap", "apt-get install libpcap0.8", Home.Exec("unshare", "-m", "sh", "-ec",
            $"for f in /usr/lib/*/libpcap.so*; do mount --bind /dev/null $(readlink -f $f); done; exec {Repository.Cli} capture --json"));
        Fails(1, "no-such-interface", "eth0", Home.Twins("capture", "--interface", "nowhere").Command);
        Fails(2, "invalid-filter", "pcap-filter(7)", Home.Twins("capture", "--filter", "not a filter").Command);
        Fails(6, "not-found", "twins ls", Home.Twins("capture", "nobody").Command);
        Fails(6, "not-found", "Known nodes", Home.Twins("capture", "--node", "nowhere").Command);
        Fails(1, "no-capture", "neither a pcapng nor a pcap file", Home.Twins("capture", "-r", "/etc/passwd").Command);
        Fails(2, "invalid-argument", "--duration", Home.Twins("capture", "-r", "/etc/passwd", "--duration", "5").Command);
        Fails(2, "invalid-argument", "5m", Home.Twins("capture", redis.Name, "--duration", "soon").Command);
    }

    private static void Fails(int exitCode, string code, string remedy, CommandResult result)
    {
        JsonElement error = new TwinsResult(result).Exits(exitCode).Document.GetProperty("error");
        Assert.AreEqual(code, Text(error, "code"), result.ToString());
        Assert.Contains(remedy, Text(error, "message"), result.ToString());
    }

    private static void AssertFileSaysTheSame(BackgroundProgram written)
    {
        JsonElement told = End(written);
        JsonElement read = Home.Twins("capture", "-r", "/tmp/move.pcapng").Exits(0).Document;
        Assert.AreEqual(Lines(told), Lines(read));
        foreach (string count in (string[])["held", "released", "rewritten", "packetsToPeer", "bytesToProcess"])
        {
            Assert.AreEqual(
                told.GetProperty("connections").EnumerateArray().Sum(one => one.GetProperty(count).GetInt64()),
                read.GetProperty("connections").EnumerateArray().Sum(one => one.GetProperty(count).GetInt64()), count);
        }

        // Another program reads the whole file, what twins told included.
        CommandResult tcpdump = Home.Exec("tcpdump", "-nr", "/tmp/move.pcapng").Succeeded();
        Assert.IsGreaterThan(told.GetProperty("packets").GetArrayLength(), tcpdump.Output.Split('\n').Count(line => line.Contains(" IP ", StringComparison.Ordinal)), tcpdump.Error);
        Assert.Contains("snapshot length 256", tcpdump.Error);
    }

    private static string Lines(JsonElement document) => string.Join('\n', document.GetProperty("packets").EnumerateArray()
        .Select(packet => $"{Text(packet, "did")} {Text(packet, "source")} {Text(packet, "destination")} {packet.GetProperty("tcp").GetProperty("sequence")} {Text(packet, "rewrittenSource")} {Text(packet, "connection")} {Text(packet, "leg")}")
        .Order(StringComparer.Ordinal));

    private static void AssertWithoutPayload(JsonElement[] packets)
    {
        foreach (JsonElement packet in packets)
            Assert.AreEqual(JsonValueKind.Null, packet.GetProperty("payload").ValueKind);
    }

    private static bool HasSecret(string document) => JsonDocument.Parse(document).RootElement.GetProperty("packets").EnumerateArray()
        .Any(packet => packet.GetProperty("payload").ValueKind == JsonValueKind.String
            && System.Text.Encoding.ASCII.GetString(packet.GetProperty("payload").GetBytesFromBase64()).Contains(Secret, StringComparison.Ordinal));

    private static string Text(JsonElement of, string name) => of.GetProperty(name).GetString()!;

    private MobileProcess StartRedis()
    {
        MobileProcess redis = RunMobile(Home, "redis", "redis-server", "--port", "6379", "--save", "", "--appendonly", "no",
            "--bind", "0.0.0.0", "--protected-mode", "no", "--daemonize", "no", "--dir", "/");
        WaitForListener(Home, 6379);
        return redis;
    }

    /// <summary>Starts a capture with --json and waits until it captures.</summary>
    private BackgroundProgram Capture(Machine machine, params string[] arguments) => StartCapture(machine, [.. arguments, "--json"]);

    private BackgroundProgram StartCapture(Machine machine, params string[] arguments)
    {
        BackgroundProgram capture = Start(machine, [Repository.Cli, "capture", .. arguments]);
        capture.WaitFor("Ctrl-C ends it");
        return capture;
    }

    /// <summary>Ends it as Ctrl-C does, and gives its document.</summary>
    private static JsonElement End(BackgroundProgram capture) => new TwinsResult(capture.Stop(Native.SigInt)).Exits(0).Document;
}
