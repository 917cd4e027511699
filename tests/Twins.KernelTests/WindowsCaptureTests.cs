using System.Text.Json;
using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary><c>twins capture</c> on a Windows node, under Wine: packets come from the WinDivert rig, labels from its twin.</summary>
[TestClass]
[DoNotParallelize] // one Wine for all
public sealed class WindowsCaptureTests : LabTest
{
    private WindowsNode _node = null!;

    [ClassInitialize]
    public static void Prepare(TestContext context) => WindowsNode.Prepare();

    [TestInitialize]
    public void StartNode() => _node = WindowsNode.Start(Host2);

    [TestCleanup]
    public void EndNode()
    {
        if (TestContext.CurrentTestOutcome != UnitTestOutcome.Passed)
            TestContext.WriteLine("{0}", _node);
        _node.Dispose();
    }

    [TestMethod]
    public void HoldAndRelease_AreSeen_WithBothDirections_AndTheFileSaysItAgain()
    {
        string file = Path.Combine(Repository.Scratch, $"{Guid.NewGuid():N}.pcapng");
        CheckedClient client = StartServer();
        try
        {
            BackgroundProgram live = Capture("echo", "--json", "--filter", "tcp port 7000 and not host 10.77.0.99", "--duration", "30");
            BackgroundProgram written = Capture("echo", "--json", "--duration", "25", "-w", WindowsNode.OnDrive(file));
            _node.Twins("hold", "echo").Exits(0);
            Eventually.Holds(() => live.Output.Contains("\"did\":\"held\"", StringComparison.Ordinal), "packets are held");
            _node.Twins("release", "echo").Exits(0);
            Eventually.Holds(() => live.Output.Contains("\"did\":\"released\"", StringComparison.Ordinal), "they are released");
            client.AssertGoesOn();

            JsonElement document = new TwinsResult(live.WaitForEnd()).Exits(0).Document;
            JsonElement[] packets = [.. document.GetProperty("packets").EnumerateArray()];
            Assert.IsTrue(packets.All(packet => Text(packet, "process") == "echo" && Text(packet, "connection").EndsWith("<->10.77.0.4:7000", StringComparison.Ordinal)));
            Assert.IsTrue(packets.All(packet => packet.GetProperty("payload").ValueKind == JsonValueKind.Null), "without payload");
            // Frames of the driver, in both directions: the twin tells of what it has held only.
            JsonElement[] passing = [.. packets.Where(packet => Text(packet, "did").Length == 0)];
            CollectionAssert.IsSubsetOf((string[])["peer", "process"], passing.Select(packet => Text(packet, "to")).Distinct().ToArray());
            Assert.IsTrue(passing.All(packet => packet.GetProperty("interfaces").EnumerateArray().All(one => one.GetString() != "twin")));
            // What was held came by the interface, too: one line.
            Assert.IsTrue(packets.Any(packet => Text(packet, "did") == "held" && packet.GetProperty("interfaces").EnumerateArray().Any(one => one.GetString() != "twin")), document.ToString());
            Assert.AreEqual(0, document.GetProperty("missed").GetInt64());

            JsonElement told = new TwinsResult(written.WaitForEnd()).Exits(0).Document;
            JsonElement read = _node.Twins("capture", "-r", WindowsNode.OnDrive(file)).Exits(0).Document;
            Assert.AreEqual(Lines(told), Lines(read));
            Assert.AreEqual(Lines(told), Lines(Host2.Twins("capture", "-r", file).Exits(0).Document), "Linux reads it, too");
            client.Finish();
        }
        finally
        {
            File.Delete(file);
        }
    }

    [TestMethod]
    public void WhatCannotBe_IsSaidWithTheRemedy()
    {
        Fails(2, "invalid-filter", "on Windows", _node.Twins("capture", "--filter", "tcp[13] & 2 != 0"));
        Fails(1, "no-such-interface", "There are:", _node.Twins("capture", "--interface", "nowhere"));
        Fails(6, "not-found", "twins ls", _node.Twins("capture", "nobody"));
        _node.EndBridge();
        Fails(1, "no-windivert", "WinDivert64.sys isn't found", _node.Twins("capture"));
        _node.RefuseDriver(5);
        Fails(4, "permission-denied", "Run as administrator", _node.Twins("capture"));
    }

    private static void Fails(int exitCode, string code, string remedy, TwinsResult result)
    {
        JsonElement error = result.Exits(exitCode).Document.GetProperty("error");
        Assert.AreEqual(code, Text(error, "code"));
        Assert.Contains(remedy, Text(error, "message"));
    }

    private static string Lines(JsonElement document) => string.Join('\n', document.GetProperty("packets").EnumerateArray()
        .Select(packet => $"{Text(packet, "did")} {Text(packet, "source")} {Text(packet, "destination")} {packet.GetProperty("tcp").GetProperty("sequence")} {Text(packet, "rewrittenSource")} {Text(packet, "connection")} {Text(packet, "leg")}")
        .Order(StringComparer.Ordinal));

    private static string Text(JsonElement of, string name) => of.GetProperty(name).GetString()!;

    private BackgroundProgram Capture(params string[] arguments)
    {
        BackgroundProgram capture = _node.StartTwins(["capture", .. arguments]);
        capture.WaitFor("Ctrl-C ends it");
        return capture;
    }

    private CheckedClient StartServer()
    {
        _node.Run("echo", WindowsNode.Program("echo.exe"), "7000");
        Eventually.Reads(() => _node.Show("echo"), shown => shown.GetProperty("endpoints").GetArrayLength() > 0, "it listens");
        CheckedClient client = Talk("10.77.0.4:7000", "--connections", "2", "--rate", "50").WaitUntilReady();
        client.AssertGoesOn();
        return client;
    }
}
