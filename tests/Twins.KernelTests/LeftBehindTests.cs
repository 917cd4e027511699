using Twins.KernelTests.Lab;

namespace Twins.KernelTests;

/// <summary>A process moves away from connections that it has closed; their clients read the rest where it was, whatever is restarted.</summary>
[TestClass]
public sealed class LeftBehindTests : LabTest
{
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void ClosedAtHome_ManagerKilledAfterTheMove_TheClientGetsAllOfIt(bool twinToo)
    {
        MobileProcess server = StartServer();
        BackgroundProgram reader = StartReader();
        server.MigrateTo(Host1);
        Restart(Home, server, twinToo);
        AssertGetsAll(reader);
        AssertGetsAll(StartReader());
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void ClosedAtAFormerHost_ManagersKilledAfterTheMove_TheClientGetsAllOfIt(bool twinsToo)
    {
        MobileProcess server = StartServer();
        server.MigrateTo(Host1);
        BackgroundProgram reader = StartReader();
        server.MigrateTo(Host2);
        Restart(Host1, server, twinsToo);
        Restart(Home, server, twinsToo);
        AssertGetsAll(reader);
        AssertGetsAll(StartReader());
    }

    [TestMethod]
    public void ClosedAtAHostWhoseManagerWasRestartedBefore_TheClientGetsAllOfIt()
    {
        MobileProcess server = StartServer();
        server.MigrateTo(Host1);
        Restart(Host1, server, twinsToo: false);
        BackgroundProgram reader = StartReader();
        server.MigrateTo(Host2);
        AssertGetsAll(reader);
    }

    private MobileProcess StartServer()
    {
        MobileProcess server = RunMobile(Home, "parting", "python3", Repository.Rig("parting.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        return server;
    }

    private BackgroundProgram StartReader()
    {
        BackgroundProgram reader = Start(Peer, "python3", Repository.Rig("parting.py"), "read", "10.77.0.2:7000");
        reader.WaitFor("ready");
        return reader;
    }

    private static void AssertGetsAll(BackgroundProgram reader)
    {
        reader.Say("go on");
        CommandResult result = reader.WaitForEnd().Succeeded();
        Assert.Contains("""{"octets": 150000, "intact": true}""", result.Output);
    }

    /// <summary>Kills the manager, and the twins while it is away; waits until it is back.</summary>
    private static void Restart(Machine node, MobileProcess process, bool twinsToo)
    {
        IReadOnlyList<int> old = node.PidsOf("twinsd");
        Assert.HasCount(1, old, $"twinsd on {node.Name}");
        node.Kill(old[0]);
        if (twinsToo)
        {
            IReadOnlyList<int> twins = node.PidsOf("twin");
            Assert.IsNotEmpty(twins, $"twins on {node.Name}");
            foreach (int twin in twins)
                node.Kill(twin);
        }
        Eventually.Holds(() => node.PidsOf("twinsd") is [int now] && now != old[0] && node.Twins("ls").ExitCode == 0, $"twinsd of {node.Name} is back");
        Assert.IsNotNull(Home.Find(process.Name), $"{process.Name} is known after the restart of {node.Name}");
    }
}
