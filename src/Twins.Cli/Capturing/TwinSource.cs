using Grpc.Core;
using Twins.Capture;
using Twins.Cli.Client;
using Twins.Protocol;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Cli.Capturing;

/// <summary>What the twins of a node do with packets, as <c>twinsd</c> tells it.</summary>
internal sealed class TwinSource(CliEnvironment environment, WatchNodeRequest request) : IDisposable
{
    private static readonly TimeSpan TimeUntilAgain = TimeSpan.FromSeconds(1);
    private AsyncServerStreamingCall<WatchPacketsReply>? _call;

    /// <summary>Packets that weren't told of, because this program was too slow for them.</summary>
    public long Missed { get; private set; }

    /// <summary>Begins, and waits until all twins have been told.</summary>
    /// <param name="life">Ends what was begun.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>The flows that are redirected now.</returns>
    /// <exception cref="RpcException">It can't be.</exception>
    public async Task<IReadOnlyList<KnownFlow>> StartAsync(CancellationToken life, CancellationToken cancellation)
    {
        _call = environment.Client().WatchPackets(request, cancellationToken: life);
        if (!await _call.ResponseStream.MoveNext(cancellation))
            throw new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "twinsd ended the stream at once"));
        return [.. _call.ResponseStream.Current.Flows];
    }

    /// <summary>Goes on until the cancellation. When <c>twinsd</c> ends meanwhile, it begins anew as soon as it is back.</summary>
    /// <param name="take">Called for each packet.</param>
    /// <param name="note">Called for what the user should know.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task RunAsync(Action<TwinRecord> take, Action<string> note, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                while (await _call!.ResponseStream.MoveNext(cancellation))
                {
                    SeenPackets seen = _call.ResponseStream.Current.Seen ?? new SeenPackets();
                    Missed += (long)seen.Missed;
                    foreach (SeenPacket packet in seen.Packets)
                        take(ToRecord(packet));
                }
                note("twinsd has ended; packets aren't labelled until it is back");
            }
            catch (RpcException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException failure)
            {
                note($"{RpcFailure.Explain(failure, environment).Message}; packets aren't labelled until it is back");
            }
            await BeginAgainAsync(cancellation);
        }
    }

    public void Dispose() => _call?.Dispose();

    private async Task BeginAgainAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await Task.Delay(TimeUntilAgain, environment.Time, cancellation);
            try
            {
                _call?.Dispose();
                await StartAsync(cancellation, cancellation);
                return;
            }
            catch (RpcException) when (!cancellation.IsCancellationRequested)
            {
                // Not yet.
            }
        }
    }

    private static TwinRecord ToRecord(SeenPacket packet) => new(
        packet.UnixNanoseconds, packet.Process, ToVerdict(packet.Verdict), packet.Packet.Memory, (int)Math.Min(packet.Length, int.MaxValue))
    {
        Reason = packet.Reason,
        Leg = ToLeg(packet.Leg),
        NextLeg = ToLeg(packet.NextLeg),
        Source = ToEndpoint(packet.Source),
        Destination = ToEndpoint(packet.Destination),
    };

    private static TwinVerdict ToVerdict(SeenPacket.Types.Verdict verdict) => verdict switch
    {
        SeenPacket.Types.Verdict.Held => TwinVerdict.Held,
        SeenPacket.Types.Verdict.Released => TwinVerdict.Released,
        SeenPacket.Types.Verdict.Rewritten => TwinVerdict.Rewritten,
        SeenPacket.Types.Verdict.Dropped => TwinVerdict.Dropped,
        SeenPacket.Types.Verdict.Answered => TwinVerdict.Answered,
        _ => TwinVerdict.Passed,
    };

    private static Twins.Capture.PathLeg ToLeg(Protocol.PathLeg leg) => leg switch
    {
        Protocol.PathLeg.PeerHome => Twins.Capture.PathLeg.PeerHome,
        Protocol.PathLeg.HomeHost => Twins.Capture.PathLeg.HomeHost,
        Protocol.PathLeg.HostCabin => Twins.Capture.PathLeg.HostCabin,
        _ => Twins.Capture.PathLeg.Unknown,
    };

    /// <summary>An end as packets have it; null if there is none, or none that can be.</summary>
    public static Endpoint? ToEndpoint(Protocol.Endpoint? endpoint) => endpoint is { Address.Length: 4 or 16, Port: <= ushort.MaxValue }
        ? new Endpoint(Packets.InternetAddress.FromBytes(endpoint.Address.Span), (ushort)endpoint.Port) : null;
}
