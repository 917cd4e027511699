using System.Net.Sockets;
using Google.Protobuf;
using Twins.Manager.Pool;
using Twins.Manager.Tests.Processes;
using Twins.Protocol;

namespace Twins.Manager.Tests.Pool;

[TestClass]
public sealed class TwinControlTests
{
    [TestMethod]
    public Task RequestsGivenUp_WhileTheTwinDoesNotRead_LeaveTheConnectionWhole() => ConnectedAsync(async (control, accepted) =>
    {
        await using var twin = new NetworkStream(accepted);

        // The first is written in part, the second waits for its turn.
        var large = new string('x', 3 << 20);
        await GivesUpAsync(control, large, () => Wait.Until(() => accepted.Available, arrived => arrived > 0));
        await GivesUpAsync(control, "never sent", () => { });

        var asked = control.SendAsync(new TwinRequest { ProcessId = "last", Status = new Status() });
        Assert.AreEqual(large, (await ReadAsync(twin)).ProcessId);
        var last = await ReadAsync(twin);
        Assert.AreEqual("last", last.ProcessId);
        using var answer = new MemoryStream();
        new TwinMessage { Reply = new TwinReply { Id = last.Id } }.WriteDelimitedTo(answer);
        await twin.WriteAsync(answer.ToArray());
        await asked;
        Assert.IsFalse(control.Closed.IsCompleted);
        await control.DisposeAsync();
    });

    [TestMethod]
    public Task Disposed_WhileTheTwinDoesNotRead_EndsAllThatWait() => ConnectedAsync(async (control, accepted) =>
    {
        // The first is written in part, the second waits for its turn.
        var first = control.SendAsync(new TwinRequest { ProcessId = new string('x', 3 << 20), Status = new Status() });
        Wait.Until(() => accepted.Available, arrived => arrived > 0);
        var second = control.SendAsync(new TwinRequest { ProcessId = "second", Status = new Status() });
        await control.DisposeAsync();
        foreach (var asking in (Task[])[first, second])
            await Assert.ThrowsExactlyAsync<TwinException>(() => asking.WaitAsync(TimeSpan.FromSeconds(60)));
    });

    /// <summary>With a connection, and the twin's end of it, which nobody reads yet. The test disposes the first.</summary>
    private static async Task ConnectedAsync(Func<TwinControl, Socket, Task> test)
    {
        var folder = Directory.CreateTempSubdirectory("twins-control-").FullName;
        try
        {
            var path = Path.Combine(folder, "7400.sock");
            using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen();
            var control = await TwinControl.ConnectAsync(new UnixTwinWorkers(folder), path, () => false, _ => { }, CancellationToken.None);
            using var accepted = await listener.AcceptAsync();
            await test(control, accepted);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task GivesUpAsync(TwinControl control, string process, Action wait)
    {
        using var patience = new CancellationTokenSource();
        var asking = control.SendAsync(new TwinRequest { ProcessId = process, Status = new Status() }, cancellation: patience.Token);
        wait();
        await patience.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => asking);
    }

    private static Task<TwinRequest> ReadAsync(NetworkStream twin) => Task.Run(() => TwinRequest.Parser.ParseDelimitedFrom(twin));
}
