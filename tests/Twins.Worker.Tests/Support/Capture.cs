using System.Diagnostics;
using System.Text;

namespace Twins.Worker.Tests;

/// <summary>
/// tcpdump on a machine's device: what it says about ICMP messages that come in. It checks their checksums and says so when one is wrong.
/// </summary>
internal sealed class Capture : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _said = new();
    private readonly TaskCompletionSource _ready = new();

    public Capture(string machine, string device)
    {
        var start = new ProcessStartInfo(
            "nsenter", [$"--net={machine}", "tcpdump", "-i", device, "-Q", "in", "-l", "-n", "-v", "--immediate-mode", "icmp"])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data?.Contains("listening on", StringComparison.Ordinal) == true)
                _ready.TrySetResult();
        };
        _process.OutputDataReceived += (_, line) =>
        {
            lock (_said)
                _said.AppendLine(line.Data);
        };
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        Assert.IsTrue(_ready.Task.Wait(TimeSpan.FromSeconds(20)), "tcpdump listens");
    }

    private string Said
    {
        get
        {
            lock (_said)
                return _said.ToString();
        }
    }

    /// <summary>Waits until it has said this and another whole message; no checksum may be wrong.</summary>
    public string WaitFor(string text)
    {
        Eventually.Holds(() => Said.Contains(text, StringComparison.Ordinal) && Said.EndsWith('\n'), () => $"'{text}' in what tcpdump says:\n{Said}");
        Eventually.Holds(() => Said.Contains("Flags", StringComparison.Ordinal), () => $"the quoted segment in what tcpdump says:\n{Said}");
        var said = Said;
        Assert.DoesNotContain("wrong", said);
        Assert.DoesNotContain("bad cksum", said);
        return said;
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
