namespace Twins.Diversion.Windows;

/// <summary>
/// The handles that capture what is diverted, each with a thread, and how one set of them follows another:
/// <code>
/// 1 new handles are opened
/// 2 the old ones are shut down: from here on the new ones' queues fill
/// 3 the old ones' threads work off what waits, and end
/// 4 the new ones' threads begin
/// </code>
/// So no packet is missed, and none overtakes another. Filters may take more than the targets: the work decides about each packet.
/// </summary>
public sealed class WinDivertCapture : IDisposable
{
    private readonly Lock _changing = new();
    private readonly WinDivertSender _onward;
    private readonly Work _work;
    private Reader[] _readers = [];
    private string[] _filters = [];
    private bool _disposed;

    /// <summary>Nothing is captured yet.</summary>
    /// <param name="onward">Sends what the work accepts. Used by several threads: the work holds a lock of its own while it uses it.</param>
    /// <param name="work">Called on a thread for each batch, from its first verdict to <see cref="IDiverter.Complete"/>. An exception ends the program.</param>
    public WinDivertCapture(WinDivertSender onward, Work work)
    {
        _onward = onward;
        _work = work;
    }

    /// <summary>Gives the verdicts on a batch and completes it.</summary>
    /// <param name="batch">The packets; those that are no target's are to be accepted.</param>
    /// <param name="count">How many.</param>
    public delegate void Work(IDiverter batch, int count);

    /// <summary>Batches before which packets were dropped because nobody took them in time, since the beginning.</summary>
    public long Overruns { get; private set; }

    /// <summary>
    /// Diverts these targets from now on. When other handles took the place of those that were there, all that these had captured is worked
    /// off when it returns. Not to be called by the work, nor with the lock that the work takes.
    /// </summary>
    /// <exception cref="DiversionException">The driver refuses; what was diverted before still is.</exception>
    public void Change(IReadOnlyCollection<DivertTarget> targets)
    {
        lock (_changing)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var filters = TargetFilters.Capture(targets);
            var texts = filters.Select(filter => filter.ToString()).ToArray();
            if (texts.SequenceEqual(_filters))
                return;
            var next = new List<Reader>();
            try
            {
                foreach (var filter in filters)
                    next.Add(new Reader(WinDivertDiverter.Open(filter, _onward), _work));
            }
            catch
            {
                next.ForEach(reader => reader.End());
                throw;
            }

            EndAll();
            (_readers, _filters) = ([.. next], texts);
            foreach (var reader in _readers)
                reader.Begin();
        }
    }

    /// <summary>Captures nothing any more; what had been captured is worked off.</summary>
    public void Dispose()
    {
        lock (_changing)
        {
            _disposed = true;
            EndAll();
        }
    }

    private void EndAll()
    {
        // All at once: a flow may not go from one that is shut down to another that isn't yet.
        foreach (var reader in _readers)
            reader.Stop();
        foreach (var reader in _readers)
            Overruns += reader.End();
        _readers = [];
    }

    private sealed class Reader(WinDivertDiverter diverter, Work work)
    {
        private Thread? _thread;

        public void Begin()
        {
            _thread = new Thread(Run) { IsBackground = true, Name = "capture", Priority = ThreadPriority.AboveNormal };
            _thread.Start();
        }

        public void Stop() => diverter.Stop();

        /// <summary>Works off what waits; gives the overruns.</summary>
        public long End()
        {
            diverter.Stop();
            _thread?.Join();
            diverter.Dispose();
            return diverter.Overruns;
        }

        private void Run()
        {
            while (diverter.Receive() is var count and > 0)
                work(diverter, count);
        }
    }
}
