using Microsoft.Extensions.DependencyInjection;
using Twins.Manager.Cluster;
using Twins.Manager.Registry;
using Twins.Manager.Settings;
using Twins.Packets;
using Twins.Table;
using Twins.Table.Sqlite;

namespace Twins.Manager.Tests.Registry;

/// <summary>What records say when this node gets another name.</summary>
[TestClass]
public sealed class NodeNameTests
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("twins-name-");

    [TestCleanup]
    public void Clean() => _directory.Delete(recursive: true);

    [TestMethod]
    public void ProcessThatRanBeforeTheClusterWasMade_IsOfTheClustersNode()
    {
        using var node = Start("vm");
        var registry = node.GetRequiredService<ProcessRegistry>();
        registry.Attach(Environment.ProcessId, "before", "", "");

        node.GetRequiredService<NodeCluster>().Init("first", "127.0.0.1");
        registry.TakeNodeName();

        var record = registry.Find("before")!;
        Assert.AreEqual("first", record.HomeNode);
        Assert.AreEqual("first", record.CurrentNode);
        Assert.AreEqual(ProcessState.Migrating, registry.BeginMigration(record.Id).State, "it can be moved");
    }

    [TestMethod]
    public void OtherNodesNames_StayAsTheyAre()
    {
        using (var node = Start("old"))
        {
            var table = node.GetRequiredService<ITableStore>();
            Assert.IsTrue(table.TryAdd(Record("away", NodeRole.Home, home: "old", current: "elsewhere")).IsDone);
            Assert.IsTrue(table.TryAdd(Record("guest", NodeRole.Host, home: "elsewhere", current: "old")).IsDone);
        }

        using var renamed = Start("new");
        var registry = renamed.GetRequiredService<ProcessRegistry>();
        registry.TakeNodeName();

        CollectionAssert.AreEqual(
            new[] { "away: new, elsewhere", "guest: elsewhere, new" },
            registry.List().Select(r => $"{r.Name}: {r.HomeNode}, {r.CurrentNode}").ToArray());
    }

    private static ProcessRecord Record(string name, NodeRole role, string home, string current) => new()
    {
        Id = "p-" + name,
        Name = name,
        Pid = 4,
        StartTimeTicks = 1,
        Executable = "/bin/" + name,
        HomeNode = home,
        HomeAddresses = [InternetAddress.Parse("10.0.0.1")],
        CurrentNode = current,
        Epoch = 3,
        State = ProcessState.Redirected,
        Role = role,
    };

    private ServiceProvider Start(string name)
    {
        var options = new TwinsdOptions { NodeName = name, StateDirectory = _directory.FullName };
        return new ServiceCollection()
            .AddSingleton(options)
            .AddSingleton<ITableStore>(_ => SqliteTableStore.Open(Path.Combine(_directory.FullName, "table.db")))
            .AddSingleton<ProcessRegistry>()
            .AddLogging()
            .AddTwinsCluster()
            .BuildServiceProvider();
    }
}
