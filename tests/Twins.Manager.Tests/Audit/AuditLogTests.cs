using Microsoft.Extensions.Logging.Abstractions;
using Twins.Manager.Access;
using Twins.Manager.Audit;
using Twins.Manager.Settings;
using Twins.Manager.Tests.Access;
using Twins.Protocol;

namespace Twins.Manager.Tests.Audit;

[TestClass]
public sealed class AuditLogTests : IDisposable
{
    private static readonly LocalCaller Root = new("User 0", 7, MayRead: true, MayChange: true);

    private readonly string _directory = Directory.CreateTempSubdirectory("twins-audit-").FullName;
    private readonly SteppedTime _time = new();
    private readonly AuditLog _log;

    public AuditLogTests() => _log = new AuditLog(new TwinsdOptions { StateDirectory = _directory }, _time, NullLogger<AuditLog>.Instance);

    private string FilePath => Path.Combine(_directory, "audit.log");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [TestMethod]
    public void Lines_AreReadBack_NewestFirst_AndTheFileIsRoots()
    {
        _log.Add(Root, "Hold", "redis", "done", "");
        _log.Add(null, "Hold", "", "refused", "");
        File.AppendAllText(FilePath, "{\"Time\":\"20"); // as a power failure leaves it
        CollectionAssert.AreEqual(
            new[] { "Somebody local Hold  refused", "User 0 local Hold redis done" },
            _log.ReadLast(10).Select(line => $"{line.Who} {line.Via} {line.What} {line.Subject} {line.Outcome}").ToArray());
        Assert.AreEqual(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(FilePath));
    }

    [TestMethod]
    public void FullFile_GoesAside_AndTheOneBeforeThatGoes()
    {
        File.WriteAllText(FilePath + ".1", "old\n");
        File.WriteAllBytes(FilePath, new byte[AuditLog.MostBytes]);
        _log.Add(Root, "Hold", "redis", "done", "");
        Assert.AreEqual(AuditLog.MostBytes, new FileInfo(FilePath + ".1").Length);
        Assert.HasCount(1, File.ReadAllLines(FilePath));
    }

    [TestMethod]
    public void Migration_EndsAsItsLastMessageSays_AndAJoinTokenIsNotWritten()
    {
        var move = new CallAudit(_log, Root, "Migrate", new MigrateRequest { Process = "redis", Destination = "host1" });
        move.Begin();
        move.Hear(new MigrationEvent { Progress = new MigrationProgress { Phase = "prepare" } });
        move.Hear(new MigrationEvent { Failure = new MigrationFailure { Phase = "prepare", Message = "Node 'host1' didn't answer.", RolledBack = true } });
        move.End(null);
        new CallAudit(_log, Root, "ClusterJoin", new ClusterJoinRequest { Token = "the-secret", Node = "host2", Address = "10.77.0.4" }).End(null);
        CollectionAssert.AreEqual(
            new[] { "ClusterJoin node host2 10.77.0.4: done ", "Migrate redis to host1: rolled-back prepare: Node 'host1' didn't answer.", "Migrate redis to host1: begun " },
            _log.ReadLast(10).Select(line => $"{line.What} {line.Subject}: {line.Outcome} {line.Detail}").ToArray());
        Assert.DoesNotContain("the-secret", File.ReadAllText(FilePath));
    }
}
