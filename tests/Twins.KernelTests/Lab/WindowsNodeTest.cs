namespace Twins.KernelTests.Lab;

/// <summary>Tests with a Windows node under Wine (tests/rigs/winnode). There is one Wine for all: derived classes aren't run in parallel.</summary>
[TestClass]
public abstract class WindowsNodeTest : LabTest
{
    private protected WindowsNode Node { get; private set; } = null!;

    [ClassInitialize(InheritanceBehavior.BeforeEachDerivedClass)]
    public static void Prepare(TestContext context) => WindowsNode.Prepare();

    [TestInitialize]
    public void BeginNode() => Node = StartNode();

    [TestCleanup]
    public void EndNode()
    {
        if (TestContext.CurrentTestOutcome != UnitTestOutcome.Passed)
            TestContext.WriteLine("{0}", Node);
        Node.Dispose();
    }

    /// <summary>The node of one test.</summary>
    private protected abstract WindowsNode StartNode();

    /// <summary>Starts it on host2, as another member of the lab's cluster.</summary>
    /// <param name="other">Waits until this one reaches it.</param>
    private protected WindowsNode StartInCluster(Machine other)
    {
        // Its nodes will know one that is gone.
        IsLabSpent = true;
        WindowsNode node = WindowsNode.StartInCluster(Host2, Home);
        Eventually.Holds(() => other.Twins("nodes").Exits(0).Document.EnumerateArray().Any(known => known.GetProperty("name").GetString() == "windows"
            && known.GetProperty("reachable").GetBoolean()), $"{other.Name} reaches the Windows node", TimeSpan.FromSeconds(90)); // it tells of itself each minute
        return node;
    }
}
