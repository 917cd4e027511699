using System.Threading.Channels;
using Grpc.Core;
using Twins.Cli.Client;
using Twins.Tray.Node;

namespace Twins.Tray.Tests;

[TestClass]
public sealed class NodeTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly Channel<NodeView> _views = Channel.CreateUnbounded<NodeView>();

    [TestMethod]
    public void Pauses_BecomeLonger_UpToTenSeconds()
    {
        var backoff = new Backoff();
        Assert.AreEqual("0.5 1 2 4 8 10 10", string.Join(' ', Enumerable.Range(0, 7).Select(_ => backoff.Next().TotalSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture))));
        backoff.Reset();
        Assert.AreEqual(TimeSpan.FromSeconds(0.5), backoff.Next());
    }

    [TestMethod]
    public async Task Twinsd_StoppedAndStartedAgain_IsHeardAgain()
    {
        await using var server = new PageServer();
        using var closing = new CancellationTokenSource();
        var watching = Watch(server, closing.Token);
        Assert.AreEqual(NodeLink.Down, (await NextAsync()).Link);
        for (var round = 0; round < 2; round++)
        {
            await server.StartAsync();
            Assert.AreEqual("home", (await UntilAsync(NodeLink.Connected)).Snapshot!.Node);
            await server.StopAsync();
            Assert.IsGreaterThan(0, (await UntilAsync(NodeLink.Down)).Detail.Length);
        }

        await closing.CancelAsync();
        await watching;
    }

    [TestMethod]
    [DataRow(StatusCode.PermissionDenied, "Members of the group only.", "Members of the group only.")]
    [DataRow(StatusCode.ResourceExhausted, "64 watch this node already.", "64 watch this node already.")]
    [DataRow(StatusCode.Unimplemented, "", "twinsd is of another version than this program: install both from one release.")]
    public async Task Refusal_IsToldInTwinsdsWords_AndTriedAgain(StatusCode code, string detail, string told)
    {
        await using var server = new PageServer { Refusal = new RpcException(new Grpc.Core.Status(code, detail)) };
        await server.StartAsync();
        using var closing = new CancellationTokenSource();
        var watching = Watch(server, closing.Token);
        Assert.AreEqual(new NodeView(NodeLink.Refused, told, null).Detail, (await UntilAsync(NodeLink.Refused)).Detail);
        server.Refusal = null;
        await UntilAsync(NodeLink.Connected);
        await closing.CancelAsync();
        await watching;
    }

    [TestMethod]
    [DataRow("http://127.0.0.1:7459/login?code=abc", true)]
    [DataRow("http://10.0.0.1:7459/login?code=abc", false)]
    [DataRow("file:///C:/Windows/System32/calc.exe", false)]
    [DataRow("calc.exe", false)]
    [DataRow("", false)]
    public async Task AdminPage_OnThisMachineAlone_IsOpened(string url, bool isOpened)
    {
        await using var server = new PageServer { Url = url };
        await server.StartAsync();
        var commands = new NodeCommands(() => LocalChannel.Open(server.SocketPath));
        if (isOpened)
            Assert.AreEqual(url, (await commands.OpenPageAsync()).AbsoluteUri);
        else
            await Assert.ThrowsExactlyAsync<InvalidDataException>(commands.OpenPageAsync);
    }

    private Task Watch(PageServer server, CancellationToken cancellation) =>
        new NodeWatch(() => LocalChannel.Open(server.SocketPath), view => _views.Writer.TryWrite(view), TimeProvider.System).RunAsync(cancellation);

    private async Task<NodeView> UntilAsync(NodeLink link)
    {
        while (true)
        {
            if (await NextAsync() is var view && view.Link == link)
                return view;
        }
    }

    private async Task<NodeView> NextAsync()
    {
        using var limit = new CancellationTokenSource(Deadline);
        return await _views.Reader.ReadAsync(limit.Token);
    }
}
