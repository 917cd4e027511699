using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Twins.Manager.Home;
using Twins.Manager.Host;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Protocol;

namespace Twins.Manager.Watching;

/// <summary>
/// What this node's twins do with packets, told to whoever watches. Each watch has connections of its own to the twins, so that it
/// can't delay a command. What a slow reader leaves waiting is bounded; more is left out and counted. Thread safe.
/// </summary>
internal sealed class PacketWatcher(TwinPool pool, TwinWorkers workers, HomeRole home, HostRole host, ProcessRegistry registry, IHostApplicationLifetime lifetime)
{
    private const int MostWaiting = 64;
    private static readonly TimeSpan TimeToLook = TimeSpan.FromMilliseconds(250);

    /// <summary>Begins to watch; the first reply comes when the twins that there are have been told. Twins that come later are watched too.</summary>
    /// <param name="request">Which process, and whether with payload.</param>
    /// <param name="caller">Ends it; so does the end of twinsd, which would wait for it otherwise.</param>
    public async IAsyncEnumerable<WatchPacketsReply> WatchAsync(WatchPacketsRequest request, [EnumeratorCancellation] CancellationToken caller)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(caller, lifetime.ApplicationStopping);
        var cancellation = end.Token;
        var missed = 0UL;
        var names = new ConcurrentDictionary<string, string>();
        var seen = Channel.CreateBounded<SeenPackets>(MostWaiting);
        var watched = new Dictionary<Twin, TwinControl>();
        void Take(SeenPackets packets)
        {
            if (!seen.Writer.TryWrite(packets))
                Interlocked.Add(ref missed, (ulong)packets.Packets.Count + packets.Missed);
        }

        try
        {
            await WatchTwinsAsync(request, watched, Take, cancellation);
            var first = new WatchPacketsReply { Seen = new SeenPackets() };
            first.Flows.AddRange(KnownFlows(request.ProcessId));
            yield return first;
            while (!cancellation.IsCancellationRequested)
            {
                if (await WaitAsync(seen.Reader, cancellation))
                {
                    while (seen.Reader.TryRead(out var packets))
                    {
                        packets.Missed += Interlocked.Exchange(ref missed, 0);
                        foreach (var packet in packets.Packets)
                            packet.Process = packet.ProcessId.Length == 0 ? "" : names.GetOrAdd(packet.ProcessId, NameOf);
                        yield return new WatchPacketsReply { Seen = packets };
                    }
                }

                await WatchTwinsAsync(request, watched, Take, cancellation);
            }
        }
        finally
        {
            foreach (var control in watched.Values)
                await control.DisposeAsync();
        }
    }

    private static async Task<bool> WaitAsync(ChannelReader<SeenPackets> reader, CancellationToken cancellation)
    {
        using var look = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        look.CancelAfter(TimeToLook);
        try
        {
            return await reader.WaitToReadAsync(look.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    // A place may have got another worker, and the pool another twin.
    private async Task WatchTwinsAsync(WatchPacketsRequest request, Dictionary<Twin, TwinControl> watched, Action<SeenPackets> take, CancellationToken cancellation)
    {
        foreach (var (twin, control) in watched.Where(pair => pair.Value.Closed.IsCompleted).ToArray())
        {
            watched.Remove(twin);
            await control.DisposeAsync();
        }

        foreach (var twin in pool.Twins.Where(twin => !watched.ContainsKey(twin)))
        {
            if (cancellation.IsCancellationRequested)
                return;
            try
            {
                var control = await TwinControl.ConnectAsync(workers, twin.ControlPath, () => false, _ => { }, cancellation, take);
                watched[twin] = control;
                await control.SendAsync(new TwinRequest { ProcessId = request.ProcessId, Watch = new Watch { Payload = request.Payload } }, cancellation: cancellation);
            }
            catch (TwinException e) when (e.Error == TwinError.TwinInvalid)
            {
                throw new Nodes.NodeException("", "too-many-watches", "Four captures of this node's twins run already; end one of them.", inner: e);
            }
            catch (Exception e) when (e is IOException or TwinException)
            {
                // It has just ended; the one that takes its place is tried the next time.
            }
        }
    }

    private IEnumerable<KnownFlow> KnownFlows(string processId)
    {
        // Changed meanwhile, a flow more or less is known: what becomes of its packets tells the rest.
        var flows = home.Processes.SelectMany(p => p.Flows.Values.Concat(p.NextFlows.Values).ToList().Select(flow => (p.ProcessId, Flow: flow)))
            .Concat(host.Processes.SelectMany(p => p.Flows.Values.ToList().Select(flow => (p.ProcessId, Flow: flow))));
        return flows.Where(known => processId.Length == 0 || IsOf(known.ProcessId, processId))
            .Select(known => new KnownFlow { Process = NameOf(known.ProcessId), Flow = known.Flow });
    }

    private static bool IsOf(string id, string processId) =>
        id.StartsWith(processId, StringComparison.Ordinal) && (id.Length == processId.Length || id[processId.Length] == '~');

    // What a process left behind is called PROCESS~EPOCH.
    private string NameOf(string processId) => registry.FindById(processId.Split('~')[0])?.Name ?? processId;
}
