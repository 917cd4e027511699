using Twins.Manager.Checkpoint;
using Twins.Manager.Nodes;
using Twins.Manager.Processes;
using Twins.Manager.Registry;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Migration;

/// <summary>
/// Watches over a freeze: when it lasts, home is told what the frozen sockets would say, so that it can answer their peers. Short
/// freezes, which are most, don't pay for that. It must have ended before the process runs again here.
/// </summary>
internal sealed class LongFreeze : IAsyncDisposable
{
    private readonly CancellationTokenSource _over = new();
    private readonly Task _watching;

    private LongFreeze(Func<CancellationToken, Task> watch) => _watching = watch(_over.Token);

    /// <summary>Begins to watch.</summary>
    /// <param name="record">The process, frozen, its images complete.</param>
    /// <param name="images">Where its images are.</param>
    /// <param name="home">Its home.</param>
    /// <param name="zeroWindowAfter">When home begins to answer; zero: never.</param>
    /// <param name="onFailure">Told why home couldn't be told: the peers then wait as long as they would without this.</param>
    public static LongFreeze Watch(ProcessRecord record, string images, INode home, TimeSpan zeroWindowAfter, Action<string> onFailure) => new(async cancellation =>
    {
        if (zeroWindowAfter == TimeSpan.Zero)
            return;
        try
        {
            // Early enough for a hold that is full sooner.
            await Task.Delay(zeroWindowAfter / 4, cancellation);
            var request = new AdvertiseZeroWindowRequest { ProcessId = record.Id, Epoch = record.Epoch, Sockets = { Read(record, images) } };
            await home.AdvertiseZeroWindowAsync(request, cancellation);
        }
        catch (OperationCanceledException)
        {
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            onFailure(e.Message);
        }
    });

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _watching;
        _over.Dispose();
    }

    // Where a program has sent its end, the image doesn't say whether that has left: such a socket says nothing.
    private static IEnumerable<FrozenSocket> Read(ProcessRecord record, string images) =>
        from socket in ProcessSockets.Read(ProcessInspector.TryReadOriginal(record)?.Pids ?? [], record.HomeAddresses).Tcp
        where socket is { Standing: SocketStanding.Owned, State: TcpState.Established or TcpState.CloseWait } && socket.Local.Address.IsIPv4
        let stream = TcpStreamImage.TryRead(images, socket.Inode)
        where stream is not null
        select new FrozenSocket
        {
            Connection = new Packets.FiveTuple(Packets.IpProtocol.Tcp, socket.Local, socket.Remote).ToConnection(),
            SendNext = stream.SendNext(),
            ReceiveNext = stream.InqSeq,
            HasTimestamps = stream.HasTimestamps(),
            Timestamp = stream.Timestamp,
        };
}
