using Twins.Diversion;
using Twins.Diversion.Linux;
using Twins.Manager.Home;
using Endpoint = Twins.Protocol.Endpoint;

namespace Twins.Manager.Rules;

/// <summary>
/// The kernel's rules: they divert by themselves. The table is there only while something is diverted, a queue's jump only while
/// something goes to that queue.
/// </summary>
internal sealed class KernelRules : DiversionRules
{
    private static readonly TimeSpan TidyAfter = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private readonly string? _networkNamespace;
    private readonly Lazy<DivertRules> _rules;
    private bool _isDisposed;

    /// <param name="networkNamespace">A path (<see cref="NetworkNamespace"/>); null: this program's own.</param>
    public KernelRules(string? networkNamespace = null)
    {
        _networkNamespace = networkNamespace;
        _rules = new(() =>
        {
            var rules = DivertRules.Open(networkNamespace);
            rules.TakeUp();
            return rules;
        });
    }

    /// <summary>The rules. iptables, where it is needed, works in the namespace of the thread that starts it.</summary>
    private DivertRules OwnRules
    {
        get
        {
            if (_networkNamespace is null)
                NetworkNamespace.ComeBack();
            return _rules.Value;
        }
    }

    /// <inheritdoc/>
    /// <returns><c>nft queue</c> or <c>nft marks and iptables NFQUEUE</c>.</returns>
    public override string Check()
    {
        lock (_lock)
        {
            OwnRules.Check();
            return OwnRules.QueueByNft ? "nft queue" : "nft marks and iptables NFQUEUE";
        }
    }

    /// <inheritdoc/>
    public override long SilencedPackets
    {
        get
        {
            lock (_lock)
                return OwnRules.SilencedPackets;
        }
    }

    /// <inheritdoc/>
    public override void Renew(int queue)
    {
        lock (_lock)
        {
            if (OwnRules.HasQueue((ushort)queue))
                OwnRules.AddQueue((ushort)queue);
        }
    }

    /// <inheritdoc/>
    public override int CountUnknown(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs, IEnumerable<Packets.Endpoint> guests)
    {
        lock (_lock)
        {
            return Unknown(homes, hostLegs, guests).Length;
        }
    }

    /// <inheritdoc/>
    public override int CountMissing(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs, IEnumerable<Packets.Endpoint> guests)
    {
        var wanted = Wanted(homes, hostLegs, guests);
        lock (_lock)
        {
            var rules = OwnRules.ReadAgain();
            return wanted.Count(target => !rules.Targets.TryGetValue(target, out var queue) || (target.IsQueued && !rules.Queues.Contains(queue)));
        }
    }

    /// <inheritdoc/>
    public override void RemoveUnknown(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs, IEnumerable<Packets.Endpoint> guests)
    {
        lock (_lock)
        {
            OwnRules.Remove(Unknown(homes, hostLegs, guests));
            Tidy();
            OwnRules.RemoveStrayJumps();
        }
    }

    private DivertTarget[] Unknown(IEnumerable<HomeProcess> homes, IEnumerable<Endpoint> hostLegs, IEnumerable<Packets.Endpoint> guests)
    {
        var wanted = Wanted(homes, hostLegs, guests);
        return [.. OwnRules.ReadAgain().Targets.Keys.Where(t => !wanted.Contains(t))];
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        lock (_lock)
        {
            if (!_rules.IsValueCreated || _isDisposed)
                return;
            // What would have been done in a moment.
            Tidy();
            _isDisposed = true;
            _rules.Value.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override void Change(int queue, IReadOnlyCollection<DivertTarget> add, IReadOnlyCollection<DivertTarget> remove)
    {
        lock (_lock)
        {
            var rules = OwnRules;
            if (add.Count > 0 && !rules.HasQueue((ushort)queue))
            {
                if (!rules.IsInstalled)
                    rules.Install();
                rules.AddQueue((ushort)queue);
            }

            rules.Change((ushort)queue, add, remove);
        }

        // A frozen process may be waiting for this change; the rest can be done when it runs.
        if (remove.Count > 0)
            _ = Task.Delay(TidyAfter).ContinueWith(_ => Tidy(), TaskScheduler.Default);
    }

    /// <summary>Takes away what diverts nothing any more.</summary>
    private void Tidy()
    {
        lock (_lock)
        {
            if (_isDisposed)
                return;
            var rules = OwnRules;
            if (rules.TargetCount == 0 && rules.IsInstalled)
            {
                rules.RemoveAll();
                return;
            }

            foreach (var idle in rules.Queues.Where(queue => !rules.HasTargets(queue)))
                rules.RemoveQueue(idle);
        }
    }
}
