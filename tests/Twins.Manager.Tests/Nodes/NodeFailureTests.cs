using Twins.Manager.Cabins;
using Twins.Manager.Checkpoint;
using Twins.Manager.Images;
using Twins.Manager.Nodes;
using Twins.Manager.Pool;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Tests.Nodes;

/// <summary>Whatever fails on a node is told with the node's name, a code and a remedy.</summary>
[TestClass]
public sealed class NodeFailureTests
{
    [TestMethod]
    public void Refusal_StaysAsItIs()
    {
        var refusal = new NodeException("host1", "pid-taken", "PID 5 is taken. End it.");
        Assert.AreSame(refusal, NodeFailure.Explain(refusal, "home", "failed"));
    }

    [TestMethod]
    public void FailuresWithARemedyOfTheirOwn_GetTheNode()
    {
        AssertIs("criu-died", "On node 'host1': CRIU ended. Try again.", new CheckpointException("restore", "criu-died", "CRIU ended. Try again."));
        AssertIs("image-damaged", "On node 'host1': Damaged. Try again.", new ImageTransferException("image-damaged", "Damaged. Try again."));
        AssertIs("table-failed", "On node 'host1': Reading failed: it is damaged. Move it aside.", new TableException("Reading", 11, "it is damaged.", "Move it aside."));
        AssertIs("disk-full", "On node 'host1': Writing failed: full. Make room.", new TableException("Writing", 13, "full.", "Make room."));
    }

    [TestMethod]
    public void TwinThatIsGone_IsReplacedByItself() => AssertIs(
        "twin-failed",
        "On node 'host1': The twin is gone (Forget for p-1). twinsd starts another twin by itself: try again. If it stays, the log of twinsd there says why.",
        TwinException.Gone(new TwinRequest { ProcessId = "p-1", Forget = new Forget() }));

    [TestMethod]
    public void FullDisk_IsTold_WhoeverWrites() =>
        AssertIs("disk-full", "On node 'host1': No space left on device : '/x'. Free space there, then try again.", new IOException("No space left on device : '/x'", 28));

    [TestMethod]
    public void AnythingElse_SaysWhereToLook() => AssertIs(
        "prepare-failed",
        "On node 'host1': ip(8) could not be started. Try again; if it stays, run 'twins doctor' there and look into the log of twinsd.",
        new CabinException("ip(8) could not be started."));

    private static void AssertIs(string code, string message, Exception failure)
    {
        var told = NodeFailure.Explain(failure, "host1", "prepare-failed");
        Assert.AreEqual(code, told.Code);
        Assert.AreEqual(message, told.Message);
        Assert.AreEqual("host1", told.Node);
        Assert.IsFalse(told.Unreachable);
    }
}
