using Microsoft.Extensions.Logging;
using Twins.Manager.Access;
using Twins.Manager.Tests.Cluster;

namespace Twins.Manager.Tests.Access;

[TestClass]
public sealed class RefusalLogTests : IDisposable
{
    private readonly LogLines _log = new();
    private readonly SteppedTime _time = new();
    private readonly ILoggerFactory _factory;
    private readonly RefusalLog _refusals;

    public RefusalLogTests()
    {
        _factory = LoggerFactory.Create(logging => logging.AddProvider(_log));
        _refusals = new RefusalLog(_time, _factory.CreateLogger<RefusalLog>());
    }

    public void Dispose()
    {
        _factory.Dispose();
        _log.Dispose();
    }

    [TestMethod]
    public void SameRefusal_IsToldAgainAfterAnHour()
    {
        _refusals.Tell(RefusalKind.Join, "10.77.0.9", "to join");
        _time.Now += TimeSpan.FromMinutes(59);
        _refusals.Tell(RefusalKind.Join, "10.77.0.9", "to join");
        Assert.HasCount(1, _log.Refusals);
        _time.Now += TimeSpan.FromMinutes(1);
        _refusals.Tell(RefusalKind.Join, "10.77.0.9", "to join");
        Assert.HasCount(2, _log.Refusals);
    }

    [TestMethod]
    public void SendersKindsAndReasons_AreToldEach()
    {
        _refusals.Tell(RefusalKind.Join, "10.77.0.9", "a", "one");
        _refusals.Tell(RefusalKind.Join, "10.77.0.9", "b", "two");
        _refusals.Tell(RefusalKind.Join, "10.77.0.8", "c", "one");
        _refusals.Tell(RefusalKind.Call, "10.77.0.9", "d", "one");
        _refusals.Tell(RefusalKind.Call, "10.77.0.9", "e", "one");
        Assert.AreEqual("a b c d", string.Join(' ', _log.Refusals.Select(line => line.Split(' ')[3])));
    }

    [TestMethod]
    public void SendersWithoutEnd_FillNoLog_AndHideNoOtherKind()
    {
        for (var sender = 0; sender < 5000; sender++)
            _refusals.Tell(RefusalKind.Connection, $"fd77::{sender:x}", "a connection");
        Assert.HasCount(100, _log.Refusals);
        Assert.AreEqual(
            "More senders are refused than are logged (kind Connection); no more of them are within an hour.", string.Join('\n', _log.OtherWarnings));
        _refusals.Tell(RefusalKind.Join, "10.77.0.9", "to join");
        Assert.HasCount(101, _log.Refusals);
    }

    [TestMethod]
    public void WhatTheSenderWorded_IsOneLineOfBoundedLength()
    {
        _refusals.Tell(RefusalKind.Join, "10.77.0.9", "to join: '\nfail\u001b[2J" + new string('x', 5000));
        Assert.AreEqual(
            "10.77.0.9 was refused to join: '?fail?[2J" + new string('x', 281) + " (not logged again within an hour)", _log.Refusals.Single());
    }

    [TestMethod]
    public void SameFailure_IsToldOnce()
    {
        for (var attempt = 0; attempt < 3; attempt++)
        {
            _refusals.TellFailure("Node host1", "/twins.NodeApi/Prepare", new InvalidOperationException());
            _refusals.TellFailure("Node host1", "/twins.NodeApi/Prepare", new ArgumentException());
        }

        Assert.HasCount(2, _log.OtherWarnings);
    }
}
