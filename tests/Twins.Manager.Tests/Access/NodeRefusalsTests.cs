using Microsoft.Extensions.Logging;
using Twins.Manager.Access;
using Twins.Manager.Nodes;
using Twins.Manager.Tests.Cluster;

namespace Twins.Manager.Tests.Access;

[TestClass]
public sealed class NodeRefusalsTests
{
    [TestMethod]
    public void MemberThatIsRefusedAgainAndAgain_IsToldOfOncePerReason()
    {
        using var log = new LogLines();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(log));
        var refusals = new NodeRefusals(new RefusalLog(TimeProvider.System, factory.CreateLogger<RefusalLog>()));
        for (var attempt = 0; attempt < 3; attempt++)
        {
            refusals.Tell("host1", "/twins.NodeApi/HoldEndpoints", new NodeException("home", "stale-epoch", "Too late."));
            refusals.Tell("host2", "/twins.NodeApi/HoldEndpoints", new NodeException("home", "stale-epoch", "Too late."));
            refusals.Tell("host2", "/twins.NodeApi/HoldEndpoints", new NodeException("home", "foreign-process", "Not yours."));
            refusals.Tell("host2", "/twins.NodeApi/Prepare", new NodeException("home", "pid-taken", "An answer that a migration may get."));
        }

        CollectionAssert.AreEqual(
            new[]
            {
                "Node host1 was refused /twins.NodeApi/HoldEndpoints (stale-epoch): Too late. (not logged again within an hour)",
                "Node host2 was refused /twins.NodeApi/HoldEndpoints (stale-epoch): Too late. (not logged again within an hour)",
                "Node host2 was refused /twins.NodeApi/HoldEndpoints (foreign-process): Not yours. (not logged again within an hour)",
            },
            log.Refusals);
    }
}
