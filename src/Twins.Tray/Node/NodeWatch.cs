using Grpc.Core;
using Grpc.Net.Client;
using Twins.Protocol;

namespace Twins.Tray.Node;

/// <summary>Hears from <c>twinsd</c> what happens, as long as it runs, and again when it has been started anew.</summary>
/// <param name="open">Opens a channel to it.</param>
/// <param name="show">Told each view, in order, on threads of the pool.</param>
/// <param name="time">By which pauses are counted.</param>
internal sealed class NodeWatch(Func<GrpcChannel> open, Action<NodeView> show, TimeProvider time)
{
    // It tells something every second.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(15);

    /// <summary>Until it is cancelled; failures are shown, not thrown.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var backoff = new Backoff();
        while (!cancellation.IsCancellationRequested)
        {
            var failure = await ListenAsync(backoff, cancellation);
            if (cancellation.IsCancellationRequested)
                return;
            show(failure);
            try
            {
                await Task.Delay(backoff.Next(), time, cancellation);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task<NodeView> ListenAsync(Backoff backoff, CancellationToken cancellation)
    {
        using var silence = new CancellationTokenSource(LongestSilence, time);
        using var until = CancellationTokenSource.CreateLinkedTokenSource(cancellation, silence.Token);
        try
        {
            using var channel = open();
            using var call = new PageApi.PageApiClient(channel).Watch(new WatchRequest(), cancellationToken: until.Token);
            await foreach (var snapshot in call.ResponseStream.ReadAllAsync(until.Token))
            {
                silence.CancelAfter(LongestSilence);
                backoff.Reset();
                show(NodeView.Of(snapshot));
            }

            return new NodeView(NodeLink.Down, "twinsd has ended the connection.", null);
        }
        catch (RpcException e) when (!silence.IsCancellationRequested)
        {
            return NodeFailure.Explain(e);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            return new NodeView(NodeLink.Down, "twinsd says nothing. Its log may tell why; as an administrator: twins service stop, then start", null);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return new NodeView(NodeLink.Refused, $"This program has failed: {e.Message}", null);
        }
    }
}
