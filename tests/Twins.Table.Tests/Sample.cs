using Twins.Packets;

namespace Twins.Table.Tests;

internal static class Sample
{
    public static readonly Endpoint Server = Endpoint.Parse("10.77.0.2:6379");

    public static ProcessRecord Process(string id = "p-1f3a9c20", string name = "redis") => new()
    {
        Id = id,
        Name = name,
        Pid = 4711,
        StartTimeTicks = 123456789,
        Executable = "/usr/bin/redis-server",
        HomeNode = "home",
        HomeAddresses = [InternetAddress.Parse("10.77.0.2"), InternetAddress.Parse("fd77::2")],
        CurrentNode = "host1",
        CurrentNodeAddress = "10.77.0.3:7946",
        Epoch = 3,
        State = ProcessState.Redirected,
        Role = NodeRole.Home,
        Twin = new TwinRecord("t-2", 815, 29, "/run/twins/twins/t-2.sock"),
        OutputPath = "/var/lib/twins/output/redis.out",
        ErrorPath = "/var/lib/twins/output/redis.err",
        Cabin = "p-1f3a9c20",
        Listeners = [new ListenerRecord(IpProtocol.Tcp, Server), new ListenerRecord(IpProtocol.Udp, Endpoint.Parse("[fd77::2]:53"))],
        Note = "moved for \"maintenance\"",
    };

    public static FlowRecord Flow(int number, ushort homeLegPort = 61000) => new(
        new FiveTuple(IpProtocol.Tcp, Server, new Endpoint(InternetAddress.FromIPv4(0x0A4D0100u + (uint)(number / 60000)), (ushort)(1024 + (number % 60000)))),
        new Endpoint(InternetAddress.Parse("10.77.0.2"), homeLegPort),
        new Endpoint(InternetAddress.Parse("10.77.0.3"), 61001));

    public static IEnumerable<FlowRecord> Flows(int count, ushort homeLegPort = 61000) =>
        Enumerable.Range(0, count).Select(number => Flow(number, homeLegPort));

    /// <summary>A path in a new directory; the caller deletes the directory.</summary>
    public static string NewTablePath() => Path.Combine(Directory.CreateTempSubdirectory("twins-table-").FullName, "table.db");
}
