using Twins.Diversion;
using Twins.Diversion.Windows;
using Twins.Manager.Home;
using Endpoint = Twins.Protocol.Endpoint;

namespace Twins.Manager.Rules;

/// <summary>
/// WinDivert's half: a twin captures for itself (docs/decisions/0032), so what is diverted is only protected here. The handles end with
/// this program; until it is back, a twin that lives on captures as before, and its targets are protected by nobody.
/// </summary>
internal sealed class ProtectionRules : DiversionRules
{
    private readonly Lock _lock = new();
    private readonly WinDivertProtection _protection = new();
    private readonly HashSet<DivertTarget> _targets = [];

    /// <inheritdoc/>
    public override long SilencedPackets => 0;

    /// <inheritdoc/>
    /// <returns><c>WinDivert 2.2</c>, the driver's version.</returns>
    public override string Check() => $"WinDivert {WinDivertDriver.ReadVersion()}";

    /// <inheritdoc/>
    public override void Renew(int queue)
    {
        // A new twin captures what it is told of.
    }

    /// <inheritdoc/>
    public override int CountUnknown(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs, IEnumerable<Packets.Endpoint> guests)
    {
        lock (_lock)
            return _targets.Except(Wanted(homes, hostLegs, guests)).Count();
    }

    /// <inheritdoc/>
    public override int CountMissing(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs, IEnumerable<Packets.Endpoint> guests)
    {
        lock (_lock)
            return Wanted(homes, hostLegs, guests).Except(_targets).Count();
    }

    /// <inheritdoc/>
    public override void RemoveUnknown(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs, IEnumerable<Packets.Endpoint> guests)
    {
        lock (_lock)
            Change(0, [], [.. _targets.Except(Wanted(homes, hostLegs, guests))]);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        lock (_lock)
            _protection.Dispose();
    }

    /// <inheritdoc/>
    protected override void Change(int queue, IReadOnlyCollection<DivertTarget> add, IReadOnlyCollection<DivertTarget> remove)
    {
        lock (_lock)
        {
            var next = _targets.Except(remove).Union(add).ToHashSet();
            if (next.SetEquals(_targets))
                return;
            _protection.Change(next);
            _targets.Clear();
            _targets.UnionWith(next);
        }
    }
}
