using System.Text;

namespace Twins.Diversion.Linux;

/// <summary>
/// What is diverted in a network namespace: the nft table <c>inet twins</c>, of which this must be the only writer, and one jump
/// per queue. Every change is one nft transaction: all or nothing. Safe for several threads.
/// </summary>
public sealed class DivertRules : IDisposable
{
    private readonly Lock _lock = new();
    private readonly string? _networkNamespace;
    private readonly NftablesContext _context;
    private readonly FileDescriptor _socket;
    private readonly KnownTargets _targets = new();
    private readonly HashSet<ushort> _queues = [];
    private long _silencedBefore;
    private bool _isInstalled;

    private DivertRules(string? networkNamespace, NftablesContext context, FileDescriptor socket)
    {
        _networkNamespace = networkNamespace;
        _context = context;
        _socket = socket;
        QueueByNft = context.WouldRun("add table inet twins_probe\nadd chain inet twins_probe c\nadd rule inet twins_probe c queue num 1");
        Know(Read());
    }

    /// <summary>Whether the kernel has nft's <c>queue</c>; otherwise iptables jumps to the queues.</summary>
    public bool QueueByNft { get; }

    /// <summary>What is there. Copies all of it: not for each change.</summary>
    public RuleSet Rules
    {
        get
        {
            lock (_lock)
                return new RuleSet(_targets.ToImmutable(), [.. _queues]);
        }
    }

    /// <summary>The queues that packets can be sent to.</summary>
    public IReadOnlyCollection<ushort> Queues
    {
        get
        {
            lock (_lock)
                return [.. _queues];
        }
    }

    /// <summary>Whether the table is there.</summary>
    public bool IsInstalled
    {
        get
        {
            lock (_lock)
                return _isInstalled;
        }
    }

    /// <summary>Targets that are diverted.</summary>
    public int TargetCount
    {
        get
        {
            lock (_lock)
                return _targets.Count;
        }
    }

    /// <summary>
    /// Packets that the own sockets of diverted connections and listeners would have sent, and that were dropped: since this was
    /// opened, and before as far as the table was there already.
    /// </summary>
    public long SilencedPackets
    {
        get
        {
            lock (_lock)
                return _silencedBefore + SilencedCounter.Read(_socket);
        }
    }

    /// <summary>Whether packets can be sent to the queue.</summary>
    public bool HasQueue(ushort queue)
    {
        lock (_lock)
            return _queues.Contains(queue);
    }

    /// <summary>Whether something goes to the queue.</summary>
    public bool HasTargets(ushort queue)
    {
        lock (_lock)
            return _targets.HasAny(queue);
    }

    /// <summary>Reads what is there; changes nothing.</summary>
    /// <param name="networkNamespace">A path (<see cref="NetworkNamespace"/>); null: the caller's own.</param>
    /// <exception cref="DiversionException">No rights, no libnftables, or the table is not ours.</exception>
    public static DivertRules Open(string? networkNamespace = null) => NetworkNamespace.Run(networkNamespace, () =>
    {
        var context = NftablesContext.Open();
        FileDescriptor? socket = null;
        try
        {
            socket = NftBatch.OpenSocket();
            return new DivertRules(networkNamespace, context, socket);
        }
        catch
        {
            socket?.Dispose();
            context.Dispose();
            throw;
        }
    });

    /// <summary>Makes the table, or brings its chains up to date. What is diverted stays diverted, without a gap.</summary>
    /// <exception cref="DiversionException">The kernel refused.</exception>
    public void Install()
    {
        lock (_lock)
        {
            var text = new StringBuilder(RuleText.Install(QueueByNft));
            if (QueueByNft)
                RuleText.AppendQueueJumps(text, _queues);
            Run("install the nft table", text.ToString());
            _isInstalled = true;
            QuotedRules.Install(_socket);
        }
    }

    /// <summary>Sends what is marked for this queue to it, whether a twin is there or not.</summary>
    /// <exception cref="DiversionException">The kernel refused.</exception>
    public void AddQueue(ushort queue) => ChangeQueues(queue, add: true);

    /// <summary>Takes the queue's jump away. Remove its targets first: what is still marked for it would go on undiverted.</summary>
    /// <exception cref="DiversionException">The kernel refused.</exception>
    public void RemoveQueue(ushort queue) => ChangeQueues(queue, add: false);

    /// <summary>Diverts these targets to the queue, also those that went to another.</summary>
    /// <exception cref="DiversionException">The kernel refused; nothing is changed.</exception>
    public void Add(ushort queue, IEnumerable<DivertTarget> targets) => Change(queue, targets, []);

    /// <summary>Diverts these targets no longer. Those that are not there don't matter.</summary>
    /// <exception cref="DiversionException">The kernel refused; nothing is changed.</exception>
    public void Remove(IEnumerable<DivertTarget> targets) => Change(0, [], targets);

    /// <summary>Removes and adds in one transaction. A target in both is added.</summary>
    /// <exception cref="DiversionException">The kernel refused; nothing is changed.</exception>
    public void Change(ushort queue, IEnumerable<DivertTarget> add, IEnumerable<DivertTarget> remove)
    {
        ArgumentNullException.ThrowIfNull(add);
        ArgumentNullException.ThrowIfNull(remove);
        lock (_lock)
        {
            var wanted = new Dictionary<DivertTarget, ushort?>();
            foreach (var target in remove)
                wanted[target] = null;
            foreach (var target in add)
                wanted[target] = queue;
            ChangeTargets(wanted);
        }
    }

    /// <summary>
    /// Takes up what another run of the program left: the chains of its table are written as this version has them, and jumps that
    /// are missing are made. What is diverted stays diverted, without a gap. Nothing happens where no table is.
    /// </summary>
    /// <exception cref="DiversionException">The kernel refused.</exception>
    public void TakeUp()
    {
        lock (_lock)
        {
            if (!_isInstalled)
                return;
            Install();
            foreach (var queue in _queues)
                AddQueue(queue);
        }
    }

    /// <summary>Reads again what is there, in case another program has changed it.</summary>
    /// <exception cref="DiversionException">The table is not ours.</exception>
    public RuleSet ReadAgain()
    {
        lock (_lock)
        {
            var rules = NetworkNamespace.Run(_networkNamespace, Read);
            Know(rules);
            return rules;
        }
    }

    /// <summary>Tries what a change needs: reading the table, and starting iptables where that makes the jumps.</summary>
    /// <exception cref="DiversionException">What doesn't work.</exception>
    public void Check()
    {
        lock (_lock)
        {
            Know(NetworkNamespace.Run(_networkNamespace, Read));
            if (!QueueByNft)
                NetworkNamespace.Run(_networkNamespace, IptablesQueues.List);
        }
    }

    /// <summary>Takes everything away, also what a crash left behind.</summary>
    /// <exception cref="DiversionException">The kernel refused.</exception>
    public void RemoveAll()
    {
        lock (_lock)
        {
            // Nothing is counted between the two: what could be is diverted no longer.
            var silenced = SilencedCounter.Read(_socket);
            // add and delete: no error if the table isn't there.
            Run("remove the nft table", $"add table {RuleText.Table}\ndelete table {RuleText.Table}");
            _silencedBefore += silenced;
            Know(RuleSet.Empty);
            _isInstalled = false;
            if (QueueByNft)
                return;
            NetworkNamespace.Run(_networkNamespace, () =>
            {
                foreach (var queue in IptablesQueues.List())
                    IptablesQueues.Remove(queue);
            });
            RemoveEmptyRawTable("ip");
            RemoveEmptyRawTable("ip6");
        }
    }

    /// <summary>Takes away jumps to queues that the table doesn't know: a crash can come between the two.</summary>
    /// <exception cref="DiversionException">The kernel refused.</exception>
    public void RemoveStrayJumps()
    {
        lock (_lock)
        {
            if (QueueByNft)
                return;
            var stray = NetworkNamespace.Run(_networkNamespace, () =>
            {
                var found = IptablesQueues.List().Where(queue => !_queues.Contains(queue)).ToArray();
                foreach (var queue in found)
                    IptablesQueues.Remove(queue);
                return found.Length;
            });
            if (stray == 0 || _queues.Count > 0)
                return;
            RemoveEmptyRawTable("ip");
            RemoveEmptyRawTable("ip6");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket.Dispose();
        _context.Dispose();
    }

    private void ChangeTargets(Dictionary<DivertTarget, ushort?> wanted)
    {
        var changes = _targets.ChangesTo(wanted);
        if (changes.IsEmpty)
            return;
        try
        {
            ElementMessages.Write(changes).Run(_socket, "change what is diverted");
        }
        catch (DiversionException)
        {
            // Whatever has changed the table, from now on what is there counts.
            Know(Read());
            throw;
        }

        _targets.Apply(changes);
    }

    private void ChangeQueues(ushort queue, bool add)
    {
        lock (_lock)
        {
            if (!QueueByNft && add)
                NetworkNamespace.Run(_networkNamespace, () => IptablesQueues.Add(queue));
            if (add != _queues.Contains(queue))
            {
                var text = new StringBuilder();
                RuleText.AppendQueues(text, add ? "add" : "delete", [queue]);
                if (QueueByNft)
                    RuleText.AppendQueueJumps(text, add ? _queues.Append(queue) : _queues.Where(other => other != queue));
                Run($"{(add ? "add" : "remove")} queue {queue}", text.ToString());
                if (add)
                    _queues.Add(queue);
                else
                    _queues.Remove(queue);
            }

            if (!QueueByNft && !add)
                NetworkNamespace.Run(_networkNamespace, () => IptablesQueues.Remove(queue));
        }
    }

    private void Know(RuleSet rules)
    {
        _targets.Replace(rules.Targets);
        _queues.Clear();
        _queues.UnionWith(rules.Queues);
    }

    private RuleSet Read()
    {
        if (!_context.TryRun("list tables", out var tables, out var error))
            throw new DiversionException("list the nft tables", 0, FirstLine(error), "it needs root and a kernel with nf_tables");
        _isInstalled = tables.Split('\n').Contains($"table {RuleText.Table}");
        if (!_isInstalled)
            return RuleSet.Empty;
        if (!_context.TryRun($"list table {RuleText.Table}", out var listing, out error))
            throw new DiversionException("list the nft table", 0, FirstLine(error));
        try
        {
            return RuleText.Parse(listing);
        }
        catch (FormatException exception)
        {
            throw new DiversionException("read the nft table", 0, exception.Message, $"remove it: nft delete table {RuleText.Table}", exception);
        }
    }

    private void Run(string operation, string commands)
    {
        if (_context.TryRun(commands, out _, out var error))
            return;
        // Whatever has changed the table, from now on what is there counts.
        Know(Read());
        throw new DiversionException(operation, 0, FirstLine(error), "see `twins doctor`");
    }

    // iptables-nft makes the table with its first rule and leaves it behind; empty chains can go, a chain in use stays.
    private void RemoveEmptyRawTable(string family)
    {
        if (!_context.TryRun($"list table {family} raw", out var listing, out _))
            return;
        var chains = listing.Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith("chain ", StringComparison.Ordinal)).ToArray();
        var lines = listing.Split('\n').Count(line => line.Trim() is not ("" or "}"));
        // Of an empty table: its own line, and for each chain its name and its hook.
        if (lines != 1 + (2 * chains.Length))
            return;
        var commands = chains.Select(chain => $"delete chain {family} raw {chain.Split(' ')[1]}").Append($"delete table {family} raw");
        _context.TryRun(string.Join('\n', commands), out _, out _);
    }

    private static string FirstLine(string text)
    {
        var line = text.Split('\n')[0].Trim();
        return line.Length > 300 ? line[..300] : line;
    }
}
