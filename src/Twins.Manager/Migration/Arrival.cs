using Twins.Manager.Checkpoint;
using Twins.Manager.Host;
using Twins.Protocol;

namespace Twins.Manager.Migration;

/// <summary>A process on its way to this node. Changed only under <see cref="Gate"/>.</summary>
internal sealed class Arrival(string from, PrepareRequest request, string imagesDirectory)
{
    /// <summary>One call at a time.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    /// <summary>Name of the node that sends it; no other may speak for this migration.</summary>
    public string From { get; } = from;

    public PrepareRequest Request { get; } = request;

    public string Id => Request.MigrationId;

    public string ImagesDirectory { get; } = imagesDirectory;

    /// <summary>The guest's half of the path; null when the process comes home.</summary>
    public HostedProcess? Hosted { get; set; }

    public IReadOnlyList<Flow> Flows { get; set; } = [];

    public IReadOnlyList<Listener> Listeners { get; set; } = [];

    public IPendingRestore? Restore { get; set; }

    /// <summary>What is done, once the sockets are there, before it may run: the host's half is opened; at home it is noted who was restored. Null before.</summary>
    public Task? Opening { get; set; }

    /// <summary>Another program has restored it: nothing is left to resume.</summary>
    public bool IsFound { get; set; }

    /// <summary>Looks for what another program restores; null before the flows are installed.</summary>
    public Task? Watch { get; set; }

    /// <summary>What the guest of another program still lacks.</summary>
    public string Missing { get; set; } = "";

    public QueryMigrationReply.Types.Outcome Outcome { get; set; } = QueryMigrationReply.Types.Outcome.Prepared;

    /// <summary>The answer to a repeated COMMIT.</summary>
    public CommitReply? Committed { get; set; }

    /// <summary>Calls of the source that have been answered.</summary>
    public int Calls { get; set; }

    /// <summary>Runs out when the source says nothing.</summary>
    public Timer? Deadline { get; set; }

    /// <summary>Cancelled when the source has decided.</summary>
    public CancellationTokenSource Patience { get; } = new();
}
