using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Playwright;
using Twins.KernelTests.Lab;
using Twins.Protocol;
using static Microsoft.Playwright.Assertions;
using MobileProcess = Twins.KernelTests.Lab.MobileProcess;

namespace Twins.Admin.Tests;

/// <summary>Who gets in, and what the rights of each are.</summary>
[TestClass]
public sealed class LoginTests : AdminTest
{
    private const string Address = "http://127.0.0.1:7459";
    private const string OfReaders = "setpriv --reuid=daemon --regid=daemon --groups=twins --";

    [TestMethod]
    public async Task Login_IsGoodOnce()
    {
        Visitor visitor = await ComeAsync(Home);
        string login = Visitor.LoginOf(Home);
        await visitor.OpenAsync(login);
        await Expect(visitor.Page.Locator("#visitor")).ToHaveTextAsync("root (admin)");
        Assert.AreEqual(Address + "/", visitor.Page.Url, "the code is out of the address");
        BrowserContextCookiesResult cookie = (await visitor.Page.Context.CookiesAsync()).Single(c => c.Name == "twins-session");
        Assert.IsTrue(cookie.HttpOnly);
        Assert.AreEqual(SameSiteAttribute.Strict, cookie.SameSite);

        Visitor other = await ComeAsync(Home);
        IResponse? again = await other.Page.GotoAsync(login);
        Assert.AreEqual(401, again!.Status);
        await Expect(other.Page.Locator("main")).ToContainTextAsync("This login was used before, or is older than a minute. Run 'twins admin' for another one.");
        await Expect((await other.Page.GotoAsync(Address + "/processes"))!.Status == 401 ? other.Page.Locator("main") : other.Page.Locator("#not-there")).ToContainTextAsync("You aren't logged in.");
    }

    [TestMethod]
    public async Task LogOut_EndsTheSessionAtTwinsd()
    {
        Visitor visitor = await LogInAsync(Home);
        string token = await TokenOfAsync(visitor);
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Log out" }).ClickAsync();
        await Expect(visitor.Page.Locator("main")).ToContainTextAsync("You are logged out.");
        using GrpcChannel channel = Caller.Of(Home, Caller.PageUser);
        RpcException refused = await Assert.ThrowsExactlyAsync<RpcException>(async () => await new PageApi.PageApiClient(channel).ReadSessionAsync(new ReadSessionRequest(), With(token)));
        Assert.AreEqual(StatusCode.Unauthenticated, refused.StatusCode);
        Assert.AreEqual(401, (await visitor.Page.GotoAsync(Address + "/"))!.Status);
    }

    [TestMethod]
    public async Task Reader_SeesEverything_AndTwinsdRefusesChanges()
    {
        (MobileProcess server, CheckedClient client) = StartServer();
        Visitor visitor = await ComeAsync(Home);
        await visitor.OpenAsync(Home.Shell($"{OfReaders} twins admin").Trim());
        await Expect(visitor.Page.Locator("#visitor")).ToHaveTextAsync("daemon (reader)");
        await visitor.GoAsync("/processes");
        await Expect(visitor.Page.Locator("#processes tbody tr")).ToHaveCountAsync(1);
        await Expect(visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Move echo" })).ToHaveCountAsync(0);
        await visitor.GoAsync("/log");
        await Expect(visitor.Page.Locator("#log-problem")).ToHaveTextAsync("Your role here is reader. Root's logins may change things: run 'sudo twins admin'.");
        await visitor.PictureAsync("admin-reader");

        // What the page doesn't offer, a page that somebody has taken over would try.
        string token = await TokenOfAsync(visitor);
        using GrpcChannel channel = Caller.Of(Home, Caller.PageUser);
        var local = new LocalApi.LocalApiClient(channel);
        Assert.HasCount(1, (await local.ListProcessesAsync(new ListProcessesRequest(), With(token))).Processes);
        RpcException refused = await Assert.ThrowsExactlyAsync<RpcException>(async () => await local.HoldAsync(new ProcessRequest { Process = "echo" }, With(token)));
        Assert.AreEqual(StatusCode.PermissionDenied, refused.StatusCode);
        using AsyncServerStreamingCall<MigrationEvent> move = local.Migrate(new MigrateRequest { Process = "echo", Destination = "host1" }, With(token));
        refused = await Assert.ThrowsExactlyAsync<RpcException>(() => move.ResponseStream.MoveNext(CancellationToken.None));
        Assert.AreEqual(StatusCode.PermissionDenied, refused.StatusCode);
        StringAssert.Contains(Home.Shell("cat /var/lib/twins/audit.log"), """
            "Who":"daemon","Via":"page","What":"Hold","Subject":"","Outcome":"refused"
            """, StringComparison.Ordinal);
        Assert.IsTrue(Home.Runs(server.Pid));
        client.Finish();
    }

    [TestMethod]
    public async Task PageProgram_HasNoRightsOfItsOwn()
    {
        Visitor visitor = await LogInAsync(Home);
        string token = await TokenOfAsync(visitor);
        using GrpcChannel page = Caller.Of(Home, Caller.PageUser);
        RpcException refused = await Assert.ThrowsExactlyAsync<RpcException>(async () => await new LocalApi.LocalApiClient(page).ListProcessesAsync(new ListProcessesRequest()));
        Assert.AreEqual(StatusCode.PermissionDenied, refused.StatusCode);
        refused = await Assert.ThrowsExactlyAsync<RpcException>(async () => await new PageApi.PageApiClient(page).OpenPageAsync(new OpenPageRequest(), With(token)));
        Assert.AreEqual(StatusCode.PermissionDenied, refused.StatusCode, "a login makes no others");

        refused = await Assert.ThrowsExactlyAsync<RpcException>(async () => await new LocalApi.LocalApiClient(page).ClusterTokenAsync(new ClusterTokenRequest(), With(token)));
        Assert.AreEqual(StatusCode.PermissionDenied, refused.StatusCode, "what the page doesn't offer");

        // A session is good for nobody but the page's program.
        using GrpcChannel stranger = Caller.Of(Home, 65534);
        refused = await Assert.ThrowsExactlyAsync<RpcException>(async () => await new LocalApi.LocalApiClient(stranger).ListProcessesAsync(new ListProcessesRequest(), With(token)));
        Assert.AreEqual(StatusCode.PermissionDenied, refused.StatusCode);
        refused = await Assert.ThrowsExactlyAsync<RpcException>(async () => await new PageApi.PageApiClient(stranger).LoginAsync(new LoginRequest { Code = "x" }));
        Assert.AreEqual(StatusCode.PermissionDenied, refused.StatusCode);

        string status = Home.Shell("cat /proc/$(pgrep -x twins-admin)/status");
        StringAssert.Contains(status, "CapBnd:\t0000000000000000", StringComparison.Ordinal);
        StringAssert.Contains(status, "CapPrm:\t0000000000000000", StringComparison.Ordinal);
        StringAssert.Contains(status, "NoNewPrivs:\t1", StringComparison.Ordinal);
        StringAssert.Contains(status, "Uid:\t64459\t64459\t64459\t64459", StringComparison.Ordinal);
        StringAssert.Contains(status, "Groups:\t \n", StringComparison.Ordinal);
    }

    [TestMethod]
    public void Stranger_GetsNoLogin()
    {
        TwinsResult result = new(Home.Exec("setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups", "--", Repository.Cli, "admin", "--json"));
        result.Exits(4);
        StringAssert.Contains(result.Command.Error, "usermod -aG twins USER", StringComparison.Ordinal);
    }

    private static async Task<string> TokenOfAsync(Visitor visitor) =>
        (await visitor.Page.Context.CookiesAsync()).Single(c => c.Name == "twins-session").Value;

    private static Metadata With(string token) => new() { { "twins-session", token } };
}
