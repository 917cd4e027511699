using System.Globalization;
using System.Text.Json;

namespace Twins.KernelTests.Lab;

/// <summary>A mobile process of a test.</summary>
/// <param name="name">Its name.</param>
/// <param name="pid">Its number, the same on every machine.</param>
/// <param name="home">Its home node.</param>
internal sealed class MobileProcess(string name, int pid, Machine home)
{
    public string Name => name;

    public int Pid => pid;

    public Machine Home { get; } = home;

    /// <summary>The machine that it runs on, as the last successful move said.</summary>
    public Machine Node { get; set; } = home;

    /// <summary>Moves it, asked at the node that it runs on; the move must succeed and look as the contract says.</summary>
    public JsonElement MigrateTo(Machine destination)
    {
        JsonElement result = Node.Twins("migrate", name, "--to", destination.Name).Exits(0).Document;
        Assert.AreEqual(name, result.GetProperty("name").GetString());
        Assert.AreEqual(pid, result.GetProperty("pid").GetInt32());
        Assert.AreEqual(Node.Name, result.GetProperty("from").GetString());
        Assert.AreEqual(destination.Name, result.GetProperty("to").GetString());
        Machine from = Node;
        Node = destination;
        Assert.IsTrue(destination.Runs(pid), $"{name} isn't on {destination.Name}");
        Assert.IsFalse(from.Runs(pid), $"{name} still is on {from.Name}");
        return result;
    }

    /// <summary>Tries a move that must fail, and gives what was said.</summary>
    public TwinsResult FailToMigrateTo(string destination)
    {
        TwinsResult result = Node.Twins("migrate", name, "--to", destination).Exits(3);
        Assert.IsTrue(Node.Runs(pid), $"{name} no longer is on {Node.Name}: {result}");
        return result;
    }

    /// <summary>The processes that belong to it, itself first: it and its children.</summary>
    public IReadOnlyList<int> Tree() =>
        [pid, .. Node.Exec("pgrep", "-P", pid.ToString(CultureInfo.InvariantCulture)).Output
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => int.Parse(line, CultureInfo.InvariantCulture))];

    public string Output => Node.Exec("cat", $"/var/lib/twins/output/{name}.out").Output;

    public string Error => Node.Exec("cat", $"/var/lib/twins/output/{name}.err").Output;
}
