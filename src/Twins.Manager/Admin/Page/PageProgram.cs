using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Twins.Diversion.Linux;
using Twins.Manager.Access.Linux;
using Twins.Manager.Access.Sessions;
using Twins.Manager.Nodes;
using Twins.Manager.Settings;

namespace Twins.Manager.Admin.Page;

/// <summary>
/// The admin page's program: a child of ours without any right, as a user of its own. It is started when somebody asks for a login, or
/// with twinsd (setting <c>adminPage</c>), and again when it ends while it is needed. It ends by itself with us: its standard input does.
/// </summary>
internal sealed partial class PageProgram(TwinsdOptions options, PageCallers callers, PageSessions sessions, ILogger<PageProgram> log) : IHostedService, IDisposable
{
    private const string Launcher = "setpriv";

    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _changing = new(1);
    private readonly CancellationTokenSource _stopping = new();
    private TaskCompletionSource _ready = NewReady();
    private Process? _process;

    /// <summary>Where the page is.</summary>
    public string Url => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{options.AdminPort}");

    private string Program => options.AdminPath.Length > 0
        ? options.AdminPath : Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "admin", "twins-admin"));

    /// <summary>Starts it unless it runs, and waits until it listens.</summary>
    /// <exception cref="NodeException">It is off, can't be started, or ends at once.</exception>
    public async Task EnsureAsync(CancellationToken cancellation)
    {
        await _changing.WaitAsync(cancellation);
        try
        {
            if (_process is not { HasExited: false })
                Start();
            var process = _process!;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _stopping.Token);
            limit.CancelAfter(StartTime);
            var ended = process.WaitForExitAsync(limit.Token);
            await Task.WhenAny(_ready.Task, ended);
            if (_ready.Task.IsCompleted)
                return;
            throw process.HasExited
                ? Failure("page-ended", $"The admin page's program ended at once, with exit code {process.ExitCode}; its own line in the log of twinsd says why. If it is the port {options.AdminPort}, set adminPort to another one.")
                : Failure("page-not-ready", $"The admin page's program wasn't ready within {StartTime.TotalSeconds:0} s; the log of twinsd says more.");
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
        if (!OperatingSystem.IsWindows() && (options.AdminPage == "always" || (options.AdminPage != "off" && sessions.Count > 0)))
            _ = Task.Run(StartAgainAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        if (_process is not { HasExited: false } process)
            return;
        process.StandardInput.Close();
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
        _process?.Dispose();
        _changing.Dispose();
        _stopping.Dispose();
    }

    private void Start()
    {
        if (OperatingSystem.IsWindows())
            throw Failure("page-unsupported", "There is no admin page on Windows yet; 'twins ls', 'twins show' and 'twins nodes' show the same.");
        if (options.AdminPage == "off")
            throw Failure("page-off", "The admin page is off: set adminPage to on-demand or always, and start twinsd again.");
        if (!File.Exists(Program))
            throw Failure("page-missing", $"The admin page's program {Program} is missing. Build it (scripts/build.sh admin) or install it, or set adminPath.");
        var (user, group) = UserDatabase.Find(options.AdminUser) ?? throw Failure(
            "page-user-missing", $"The admin page's program runs as the user '{options.AdminUser}', whom this machine doesn't have. Make it: useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin {options.AdminUser}");
        if (user == 0)
            throw Failure("page-user-root", "The admin page's program doesn't run as root: set adminUser to a user without rights.");

        NetworkNamespace.ComeBack();
        _ready = NewReady();
        callers.User = user;
        var start = new ProcessStartInfo(Launcher,
        [
            Text($"--reuid={user}"), Text($"--regid={group}"), "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--",
            Program, "--port", options.AdminPort.ToString(CultureInfo.InvariantCulture), "--socket", options.LocalSocketPath,
        ])
        { UseShellExecute = false, RedirectStandardInput = true, WorkingDirectory = "/" };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/bin:/bin";
        // No files of the runtime's in /tmp, and nobody who looks inside.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        try
        {
            _process = Process.Start(start) ?? throw new InvalidOperationException($"{Launcher} could not be started.");
        }
        catch (Win32Exception e)
        {
            throw Failure("page-not-started", $"The admin page's program can't be started: {e.Message} ({Launcher}, of util-linux, starts it).");
        }

        LogStarted(_process.Id, Url, options.AdminUser);
        _ = WatchAsync(_process);
    }

    private async Task WatchAsync(Process process)
    {
        await process.WaitForExitAsync(CancellationToken.None);
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

    private static string Text(FormattableString text) => FormattableString.Invariant(text);

    private static TaskCompletionSource NewReady() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static NodeException Failure(string code, string message) => new("", code, message);

    [LoggerMessage(1801, LogLevel.Information, "The admin page's program {Pid} starts as user {User}; the page is at {Url}, logins are made by 'twins admin'.")]
    private partial void LogStarted(int pid, string url, string user);

    [LoggerMessage(1802, LogLevel.Warning, "The admin page's program {Pid} ended with exit code {Code}.")]
    private partial void LogEnded(int pid, int code);

    [LoggerMessage(1803, LogLevel.Error, "The admin page isn't there: {Cause}")]
    private partial void LogNotStarted(string cause);
}
