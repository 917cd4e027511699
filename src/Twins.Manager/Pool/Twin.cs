using Twins.Protocol;

namespace Twins.Manager.Pool;

/// <summary>
/// A twin's place: its queue number and control endpoint, which outlive the worker process that fills it.
/// When the worker dies, or can't be reached any more, the pool puts another in the same place and raises
/// <see cref="TwinPool.Replaced"/>.
/// </summary>
internal sealed class Twin(int queue, string controlPath)
{
    private readonly HashSet<string> _processes = [];
    private volatile TwinControl? _control;

    /// <summary>The NFQUEUE number, unique in the node's network namespace.</summary>
    public int Queue { get; } = queue;

    /// <summary>Path of the control endpoint.</summary>
    public string ControlPath { get; } = controlPath;

    /// <summary>The worker lived on while twinsd was away, and knows all that it was told.</summary>
    public bool IsAdopted { get; internal set; }

    /// <summary>PID of the worker that fills the place now.</summary>
    public int Pid { get; private set; }

    /// <summary>Mobile processes that this twin answers for.</summary>
    public int ProcessCount
    {
        get
        {
            lock (_processes)
                return _processes.Count;
        }
    }

    /// <summary>Sends a command for a process.</summary>
    /// <exception cref="TwinException">Refused, gone or silent.</exception>
    public Task<TwinReply> SendAsync(TwinRequest request, int fileDescriptor = -1, CancellationToken cancellation = default) =>
        (_control ?? throw TwinException.Gone(request)).SendAsync(request, fileDescriptor, cancellation);

    /// <summary>Whether the twin answers for the process.</summary>
    public bool Has(string processId)
    {
        lock (_processes)
            return _processes.Contains(processId);
    }

    /// <summary>There is a worker, and a connection to it.</summary>
    internal void Fill(TwinControl control, int pid)
    {
        Pid = pid;
        _control = control;
    }

    internal void Add(string processId)
    {
        lock (_processes)
            _processes.Add(processId);
    }

    internal void Remove(string processId)
    {
        lock (_processes)
            _processes.Remove(processId);
    }
}
