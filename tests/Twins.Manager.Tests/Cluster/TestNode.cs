using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Twins.Manager.Access;
using Twins.Manager.Cluster;
using Twins.Manager.Settings;

namespace Twins.Manager.Tests.Cluster;

/// <summary>A node's server on loopback, wired as the program does it.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    private static int _nextPort = 20_000 + (Environment.ProcessId % 500 * 20);

    private readonly WebApplication _app;

    private TestNode(WebApplication app, TwinsdOptions options, LogLines log) => (_app, Options, Log) = (app, options, log);

    public TwinsdOptions Options { get; }

    public LogLines Log { get; }

    public IServiceProvider Services => _app.Services;

    public NodeCluster Cluster => _app.Services.GetRequiredService<NodeCluster>();

    public NodeConnections Connections => _app.Services.GetRequiredService<NodeConnections>();

    public NodeAnnouncer Announcer => _app.Services.GetRequiredService<NodeAnnouncer>();

    public CertificateRenewal Renewal => _app.Services.GetRequiredService<CertificateRenewal>();

    public string Address => $"127.0.0.1:{Options.ApiPort}";

    public static async Task<TestNode> StartAsync(string name, string? readers = null, string? directory = null, int port = 0)
    {
        // Other users must be able to reach the socket.
        directory ??= Directory.CreateTempSubdirectory("twins-node-").FullName;
        File.SetUnixFileMode(directory, (UnixFileMode)0b111_101_101);
        var options = new TwinsdOptions
        {
            NodeName = name, Address = "127.0.0.1", ApiPort = port == 0 ? FreePorts() : port,
            RunDirectory = Path.Combine(directory, "run"), StateDirectory = Path.Combine(directory, "state"),
        };
        var log = new LogLines();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(log).AddTwinsFilters();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Services.AddSingleton(options).AddTwinsCluster().AddTwinsAccess(readers);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ConfigureLocalApi(options);
            kestrel.ConfigureNodeApi(options);
        });
        var app = builder.Build();
        app.MapGrpcService<JoinService>();
        app.MapGrpcService<TestNodeApi>();
        app.MapGrpcService<TestLocalApi>();
        await app.StartAsync();
        return new TestNode(app, options, log);
    }

    public static async Task<TestNode> StartFirstAsync(string name = "home")
    {
        var node = await StartAsync(name);
        node.Cluster.Init(address: node.Address);
        return node;
    }

    public string NewToken() => Cluster.CreateToken(TimeSpan.FromMinutes(5), out _);

    public async Task<TestNode> JoinAsync(TestNode member)
    {
        await Cluster.JoinAsync(member.NewToken(), "", Address, CancellationToken.None);
        return this;
    }

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        var directory = Path.GetDirectoryName(Options.StateDirectory)!;
        if (Directory.Exists(directory)) // a node that was started anew shares it
            Directory.Delete(directory, recursive: true);
    }

    /// <summary>The first of two ports next to each other that nobody else is given: below those the kernel hands out itself.</summary>
    public static int FreePorts()
    {
        while (true)
        {
            var port = Interlocked.Add(ref _nextPort, 2);
            if (IsFree(port) && IsFree(port + 1))
                return port;
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
