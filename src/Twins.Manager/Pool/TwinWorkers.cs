using System.Diagnostics;

namespace Twins.Manager.Pool;

/// <summary>
/// The worker processes themselves, also those that nobody has a connection to, or remembers: how they are started, found, talked to and
/// ended here. A control endpoint is known by its path, which says the queue.
/// </summary>
internal abstract class TwinWorkers
{
    /// <summary>The lowest number of a queue; the others follow it without much of a gap.</summary>
    public const int FirstQueue = 7400;

    /// <summary>How long one that is killed may take to end.</summary>
    protected static readonly TimeSpan EndTime = TimeSpan.FromSeconds(5);

    /// <summary>The control endpoint of the worker with this queue.</summary>
    public abstract string ControlPathOf(int queue);

    /// <summary>Whether somebody else has the control endpoint: anybody may be first with a name where its directory is everybody's.</summary>
    public virtual bool IsTaken(string controlPath) => false;

    /// <summary>The queue of a control endpoint; null: the path isn't one.</summary>
    public abstract int? QueueOf(string controlPath);

    /// <summary>What tells a worker its queue, besides the control endpoint.</summary>
    public abstract IReadOnlyList<string> ArgumentsFor(int queue);

    /// <summary>Makes what control endpoints need.</summary>
    public abstract void Prepare();

    /// <summary>The control endpoints of all workers, whether they can be reached or not.</summary>
    public abstract IReadOnlySet<string> FindControlPaths();

    /// <summary>Starts a worker.</summary>
    /// <param name="program">Path of the twin program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">It can't be started.</exception>
    public abstract Process Start(string program, IEnumerable<string> arguments);

    /// <summary>Connects to a control endpoint.</summary>
    /// <exception cref="IOException">Nobody listens there, or somebody whom this program didn't start.</exception>
    public abstract Task<Stream> ConnectAsync(string controlPath, CancellationToken cancellation);

    /// <summary>Writes, and hands a descriptor over with the first octet.</summary>
    /// <exception cref="NotSupportedException">Descriptors can't be handed over here.</exception>
    public abstract ValueTask WriteAsync(Stream stream, ReadOnlyMemory<byte> octets, int fileDescriptor);

    /// <summary>Ends the workers of a control endpoint and waits until they have: then their queue is free. What is left of the endpoint is removed.</summary>
    /// <param name="controlPath">The endpoint.</param>
    /// <param name="pid">Of the one that was reached there last; 0: none was.</param>
    /// <returns>How many there were.</returns>
    /// <exception cref="InvalidOperationException">One doesn't end.</exception>
    public abstract int End(string controlPath, int pid);

    /// <summary>Ends the workers that can't be found by their control endpoints.</summary>
    /// <param name="known">PIDs of those that can.</param>
    /// <returns>How many there were.</returns>
    public virtual int EndOthers(IReadOnlySet<int> known) => 0;

    protected static ProcessStartInfo StartInfo(string program, IEnumerable<string> arguments, string workingDirectory) =>
        new(program, arguments) { UseShellExecute = false, WorkingDirectory = workingDirectory };

    protected static InvalidOperationException NotEnding(int pid) =>
        new($"Twin {pid} doesn't end within {EndTime.TotalSeconds:0} s, so its place can't be filled.");
}
