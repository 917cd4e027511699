using System.Diagnostics;
using System.Globalization;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Twins.Cli;
using Twins.Protocol;

namespace Twins.Hook.Windows.Tests.Support;

/// <summary>What <c>twins run</c> asks of twinsd, answered by the test, over a loopback port instead of twinsd's pipe.</summary>
internal sealed class LocalNode : LocalApi.LocalApiBase, IAsyncDisposable
{
    private WebApplication? _application;

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("twins-run-").FullName;

    /// <summary>A file that is there once a process has been attached.</summary>
    public string Go => Path.Combine(Directory, "go");

    public AttachRequest? Attached { get; private set; }

    /// <summary>The attached process.</summary>
    public Process? Process { get; private set; }

    /// <summary>Why it refuses to attach.</summary>
    public string? Refuse { get; init; }

    public List<ProcessInfo> Processes { get; } = [];

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(this);
        builder.WebHost.ConfigureKestrel(options =>
            options.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        _application = builder.Build();
        _application.MapGrpcService<LocalNode>();
        await _application.StartAsync();
    }

    /// <summary>Runs a command line of <c>twins</c> to its end.</summary>
    /// <returns>Its exit code, standard output and standard error, with the line ends of Unix.</returns>
    public async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var output = new MemoryStream();
        using var error = new MemoryStream();
        await using var outputText = new StreamWriter(output, new UTF8Encoding(false)) { AutoFlush = true };
        await using var errorText = new StreamWriter(error, new UTF8Encoding(false)) { AutoFlush = true };
        var environment = Environment(outputText, output, errorText, error);
        var exitCode = await CommandTree.RunAsync(environment, arguments, CancellationToken.None);
        return (exitCode, Text(output), Text(error));
    }

    /// <summary>An environment of the CLI with this node in it.</summary>
    public CliEnvironment Environment(TextWriter output, Stream outputBytes, TextWriter error, Stream errorBytes) => new()
    {
        Out = output,
        Error = error,
        In = TextReader.Null,
        OutBytes = outputBytes,
        ErrorBytes = errorBytes,
        Installation = Built.Installation,
        SocketPath = @"\\.\pipe\twins\twinsd",
        OutputDirectory = Path.Combine(Directory, "output"),
        LabDirectory = Path.Combine(Directory, "lab"),
        OpenChannel = _ => GrpcChannel.ForAddress(
            _application!.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()),
    };

    public override Task<ProcessInfo> Attach(AttachRequest request, ServerCallContext context)
    {
        Attached = request;
        Process = Process.GetProcessById(request.Pid);
        _ = Process.SafeHandle;
        if (Refuse is not null)
            throw new RpcException(new Grpc.Core.Status(StatusCode.FailedPrecondition, Refuse));
        var process = new ProcessInfo
        {
            ProcessId = request.Pid.ToString(CultureInfo.InvariantCulture),
            Name = request.Name,
            Pid = request.Pid,
            Node = "home",
            State = "running",
            Epoch = 1,
        };
        Processes.Add(process);
        File.WriteAllText(Go, "");
        return Task.FromResult(process);
    }

    public override Task<ListProcessesReply> ListProcesses(ListProcessesRequest request, ServerCallContext context) =>
        Task.FromResult(new ListProcessesReply { Processes = { Processes } });

    public async ValueTask DisposeAsync()
    {
        if (Process is { HasExited: false })
        {
            Process.Kill();
            await Process.WaitForExitAsync();
        }

        Process?.Dispose();
        if (_application is not null)
            await _application.DisposeAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private static string Text(MemoryStream stream) => Encoding.UTF8.GetString(stream.ToArray()).ReplaceLineEndings("\n");
}
