using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Twins.Tray.Windows.Tests.Support;

/// <summary>A real <c>twinsd.exe</c> with what belongs to it, and the CLI.</summary>
internal sealed class RunningNode : IDisposable
{
    private static readonly string Programs = Path.GetFullPath(Environment.GetEnvironmentVariable("TWINS_TRAY_PROGRAMS")!);

    private readonly StringBuilder _said = new();
    private Process _daemon = null!;

    /// <summary>Starts it with nothing of an earlier one.</summary>
    public RunningNode()
    {
        var data = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), "Twins");
        if (Directory.Exists(data))
            Directory.Delete(data, recursive: true);
        Start();
    }

    public static string PathOf(string program) => Path.Combine(Programs, program);

    public void Start()
    {
        // Holds by hand end soon, which is told.
        _daemon = Begin("twinsd.exe", "--api-port", "7557", "--ready-twins", "1", "--hand-wait", "8s");
        _daemon.OutputDataReceived += Keep;
        _daemon.ErrorDataReceived += Keep;
        _daemon.BeginOutputReadLine();
        _daemon.BeginErrorReadLine();
        Eventually.Holds(() => _daemon.HasExited || Twins("ls").ExitCode == 0, "twinsd answers", ToString);
        Assert.IsFalse(_daemon.HasExited, ToString());
    }

    /// <summary>Ends it as a crash would.</summary>
    public void Kill()
    {
        _daemon.Kill();
        // Without a time it would wait for the ends of its outputs, which its twins keep.
        Assert.IsTrue(_daemon.WaitForExit(TimeSpan.FromSeconds(30)), "twinsd ends");
        _daemon.Dispose();
    }

    /// <summary>Runs <c>twins.exe</c>, whose arguments have no spaces.</summary>
    public static (int ExitCode, string Output) Twins(params string[] arguments)
    {
        // Into a file: what it starts keeps its outputs, and a pipe wouldn't end before that does.
        var told = Path.GetTempFileName();
        var command = $"/c \"\"{PathOf("twins.exe")}\" {string.Join(' ', arguments)} >\"{told}\" 2>&1\"";
        using var process = Process.Start(new ProcessStartInfo("cmd.exe", command) { UseShellExecute = false, CreateNoWindow = true })!;
        process.WaitForExit();
        using var reader = new StreamReader(new FileStream(told, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return (process.ExitCode, reader.ReadToEnd());
    }

    /// <summary>Starts a server as a mobile process.</summary>
    /// <returns>Its PID.</returns>
    public static int RunEcho(string name)
    {
        var (code, output) = Twins("run", "--detach", "--name", name, "--", Path.GetFullPath(Environment.GetEnvironmentVariable("TWINS_TRAY_ECHO")!), "7000");
        Assert.AreEqual(0, code, output);
        var line = output.Split('\n').Single(line => line.StartsWith(name + " ", StringComparison.Ordinal));
        return int.Parse(line[(name.Length + 1)..].Trim(), CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        if (!_daemon.HasExited)
            Kill();
        foreach (var twin in Desktop.Programs("twin").Keys)
            Desktop.End(twin);
    }

    public override string ToString()
    {
        lock (_said)
            return _said.ToString();
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (_said)
            _said.AppendLine(line.Data);
    }

    private static Process Begin(string program, params string[] arguments) => Process.Start(new ProcessStartInfo(PathOf(program), arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        UseShellExecute = false,
    })!;
}
