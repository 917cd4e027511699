using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Twins.Manager.Access.Sessions;
using Twins.Manager.Settings;
using Twins.Manager.Tests.Cluster;
using Twins.Protocol;

namespace Twins.Manager.Tests.Access;

/// <summary>Logins and sessions of the admin page, and what its program may do with them.</summary>
[TestClass]
public sealed class PageSessionTests : IDisposable
{
    private const uint Page = 64459;

    private readonly string _directory = Directory.CreateTempSubdirectory("twins-sessions-").FullName;
    private readonly SteppedTime _time = new();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [TestMethod]
    public void Login_IsGoodOnce_AndForAMinute()
    {
        var logins = new PageLogins(_time);
        var code = logins.Create("root", isAdmin: true, out _);
        Assert.AreEqual(43, code.Length, "256 bits");
        Assert.IsNull(logins.TryUse(code + "x"));
        Assert.AreEqual(("root", true), logins.TryUse(code));
        Assert.IsNull(logins.TryUse(code));
        code = logins.Create("ann", isAdmin: false, out _);
        _time.Now += TimeSpan.FromSeconds(59);
        Assert.AreEqual(("ann", false), logins.TryUse(code));
        code = logins.Create("ann", isAdmin: false, out _);
        _time.Now += TimeSpan.FromSeconds(60);
        Assert.IsNull(logins.TryUse(code));
    }

    [TestMethod]
    public void TooManyLogins_TheOldestIsVoid()
    {
        var logins = new PageLogins(_time);
        var codes = new List<string>();
        for (var count = 0; count < 33; count++)
        {
            codes.Add(logins.Create("root", isAdmin: true, out _));
            _time.Now += TimeSpan.FromMilliseconds(1);
        }

        Assert.IsNull(logins.TryUse(codes[0]));
        Assert.IsNotNull(logins.TryUse(codes[1]));
        Assert.IsNotNull(logins.TryUse(codes[32]));
    }

    [TestMethod]
    public void Session_OutlivesARestart_EndsByItself_AndItsSecretIsOnNoDisk()
    {
        var token = Sessions().Begin("root", isAdmin: true, out _);
        Assert.AreEqual(("root", true), Sessions().Find(token) is { } found ? (found.User, found.IsAdmin) : default);
        var file = Path.Combine(_directory, "admin-sessions.json");
        Assert.DoesNotContain(token, File.ReadAllText(file));
        Assert.AreEqual(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        _time.Now += TimeSpan.FromHours(12);
        Assert.IsNull(Sessions().Find(token));
    }

    [TestMethod]
    public void EndedSession_IsGoneAfterARestartToo_AndADamagedFileLetsNobodyIn()
    {
        var sessions = Sessions();
        var token = sessions.Begin("root", isAdmin: true, out var session);
        var other = sessions.Begin("root", isAdmin: true, out _);
        sessions.End(session);
        Assert.IsNull(Sessions().Find(token));
        Assert.IsNotNull(Sessions().Find(other));
        File.WriteAllText(Path.Combine(_directory, "admin-sessions.json"), "[{");
        Assert.IsNull(Sessions().Find(other));
    }

    [TestMethod]
    public void TooManySessions_TheOldestEnds()
    {
        var sessions = Sessions();
        var tokens = new List<string>();
        for (var count = 0; count < 65; count++)
        {
            tokens.Add(sessions.Begin("root", isAdmin: true, out _));
            _time.Now += TimeSpan.FromMilliseconds(1);
        }

        Assert.AreEqual(64, sessions.Count);
        Assert.IsNull(sessions.Find(tokens[0]));
        Assert.IsNotNull(sessions.Find(tokens[1]));
    }

    [TestMethod]
    public async Task PagesProgram_HasTheRightsOfTheSessionThatItNames_AndNoneWithout()
    {
        await using var node = await TestNode.StartAsync("home");
        node.Services.GetRequiredService<PageCallers>().Page = new PageIdentity("64459", Pid: 0);
        var sessions = node.Services.GetRequiredService<PageSessions>();
        var admin = sessions.Begin("root", isAdmin: true, out var session);
        var reader = sessions.Begin("ann", isAdmin: false, out _);
        using var channel = LocalChannel.Open(node.Options.LocalSocketPath, Page, Page);
        Assert.AreEqual(StatusCode.PermissionDenied, await ListAsync(channel, ""));
        Assert.AreEqual(StatusCode.Unauthenticated, await ListAsync(channel, "guessed"));
        Assert.AreEqual(StatusCode.OK, await ListAsync(channel, reader));
        Assert.AreEqual(StatusCode.PermissionDenied, await HoldAsync(channel, reader));
        Assert.AreEqual(StatusCode.OK, await HoldAsync(channel, admin));
        Assert.AreEqual(StatusCode.PermissionDenied, await CodeAsync(async h => await new LocalApi.LocalApiClient(channel).ClusterTokenAsync(new ClusterTokenRequest(), h), admin));
        sessions.End(session);
        Assert.AreEqual(StatusCode.Unauthenticated, await HoldAsync(channel, admin));

        using var stranger = LocalChannel.Open(node.Options.LocalSocketPath, Page + 1, Page + 1);
        Assert.AreEqual(StatusCode.PermissionDenied, await ListAsync(stranger, reader));
        Assert.AreEqual(
            "ann page Hold refused|root page Hold done|root page ClusterToken refused",
            string.Join('|', File.ReadLines(Path.Combine(node.Options.StateDirectory, "audit.log"))
                .Select(line => System.Text.Json.JsonDocument.Parse(line).RootElement)
                .Select(line => $"{line.GetProperty("Who")} {line.GetProperty("Via")} {line.GetProperty("What")} {line.GetProperty("Outcome")}")));
    }

    private static Task<StatusCode> ListAsync(GrpcChannel channel, string token) =>
        CodeAsync(async headers => await new LocalApi.LocalApiClient(channel).ListProcessesAsync(new ListProcessesRequest(), headers), token);

    private static Task<StatusCode> HoldAsync(GrpcChannel channel, string token) =>
        CodeAsync(async headers => await new LocalApi.LocalApiClient(channel).HoldAsync(new ProcessRequest { Process = "redis" }, headers), token);

    private static async Task<StatusCode> CodeAsync(Func<Metadata, Task> call, string token)
    {
        try
        {
            await call(token.Length > 0 ? new Metadata { { "twins-session", token } } : []);
            return StatusCode.OK;
        }
        catch (RpcException refused)
        {
            return refused.StatusCode;
        }
    }

    private PageSessions Sessions() => new(new TwinsdOptions { RunDirectory = _directory }, _time, NullLogger<PageSessions>.Instance);
}
