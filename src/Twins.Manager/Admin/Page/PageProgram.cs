using System.Diagnostics;
using System.Globalization;
using Twins.Manager.Access.Sessions;
using Twins.Manager.Nodes;
using Twins.Manager.Settings;

namespace Twins.Manager.Admin.Page;

/// <summary>
/// The admin page's program: a child of ours without any right. It is started when somebody asks for a login, or
/// with twinsd (setting <c>adminPage</c>), and again when it ends while it is needed. It ends by itself with us: its standard input does.
/// </summary>
internal sealed partial class PageProgram(TwinsdOptions options, PageLauncher launcher, PageSessions sessions, ILogger<PageProgram> log) : IHostedService, IDisposable
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _changing = new(1);
    private readonly CancellationTokenSource _stopping = new();
    private TaskCompletionSource _ready = NewReady();
    private PageProcess? _page;

    /// <summary>Where the page is.</summary>
    public string Url => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{options.AdminPort}");

    private string Program => options.AdminPath.Length > 0 ? options.AdminPath : launcher.InstalledProgram;

    /// <summary>Starts it unless it runs, and waits until it listens.</summary>
    /// <exception cref="NodeException">It is off, can't be started, or ends at once.</exception>
    public async Task EnsureAsync(CancellationToken cancellation)
    {
        await _changing.WaitAsync(cancellation);
        try
        {
            if (_page is not { Process.HasExited: false })
                Start();
            var process = _page!.Process;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _stopping.Token);
            limit.CancelAfter(StartTime);
            var ended = process.WaitForExitAsync(limit.Token);
            await Task.WhenAny(_ready.Task, ended);
            if (_ready.Task.IsCompleted)
                return;
            throw process.HasExited
                ? PageLauncher.Failure("page-ended", $"The admin page's program ended at once, with exit code {process.ExitCode}; its own line in the log of twinsd says why. If it is the port {options.AdminPort}, set adminPort to another one.")
                : PageLauncher.Failure("page-not-ready", $"The admin page's program wasn't ready within {StartTime.TotalSeconds:0} s; the log of twinsd says more.");
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>The program says that it listens.</summary>
    public void Ready() => _ready.TrySetResult();

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Who is logged in since before a restart of twinsd has a page open, which waits for it.
        if (options.AdminPage == "always" || (options.AdminPage != "off" && sessions.Count > 0))
            _ = Task.Run(StartAgainAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        if (_page is not { Process: { HasExited: false } process })
            return;
        _page.Close();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(StopTime);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _page?.Dispose();
        _changing.Dispose();
        _stopping.Dispose();
    }

    private void Start()
    {
        if (options.AdminPage == "off")
            throw PageLauncher.Failure("page-off", "The admin page is off: set adminPage to on-demand or always, and start twinsd again.");
        if (!File.Exists(Program))
            throw PageLauncher.Failure("page-missing", $"The admin page's program {Program} is missing. Build it (scripts/build.sh admin) or install it, or set adminPath.");
        _ready = NewReady();
        _page = launcher.Start(Program, ["--port", options.AdminPort.ToString(CultureInfo.InvariantCulture), "--socket", options.LocalSocketPath]);
        LogStarted(_page.Process.Id, Url, options.AdminUser);
        _ = WatchAsync(_page);
    }

    private async Task WatchAsync(PageProcess page)
    {
        var process = page.Process;
        await process.WaitForExitAsync(CancellationToken.None);
        page.Close();
        if (_stopping.IsCancellationRequested)
            return;
        LogEnded(process.Id, process.ExitCode);
        // One that was never ready was asked for by somebody who is told.
        if (_ready.Task.IsCompleted && (options.AdminPage == "always" || sessions.Count > 0))
            await StartAgainAsync();
    }

    private async Task StartAgainAsync()
    {
        var cause = "";
        for (var pause = FirstPause; !_stopping.IsCancellationRequested; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                await EnsureAsync(_stopping.Token);
                return;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is NodeException or InvalidOperationException or IOException)
            {
                if (e.Message != cause)
                    LogNotStarted(cause = e.Message);
                await Task.Delay(pause);
            }
        }
    }

    private static TaskCompletionSource NewReady() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(1801, LogLevel.Information, "The admin page's program {Pid} starts as user {User}; the page is at {Url}, logins are made by 'twins admin'.")]
    private partial void LogStarted(int pid, string url, string user);

    [LoggerMessage(1802, LogLevel.Warning, "The admin page's program {Pid} ended with exit code {Code}.")]
    private partial void LogEnded(int pid, int code);

    [LoggerMessage(1803, LogLevel.Error, "The admin page isn't there: {Cause}")]
    private partial void LogNotStarted(string cause);
}
