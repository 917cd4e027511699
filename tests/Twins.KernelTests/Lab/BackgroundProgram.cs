using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Twins.KernelTests.Lab;

/// <summary>A program that runs on a lab machine while the test goes on. Its output is kept.</summary>
internal sealed class BackgroundProgram : IDisposable
{
    private readonly Process _entering;
    private readonly string _command;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();

    /// <param name="start">nsenter(1) with the machine's namespaces and the program.</param>
    /// <param name="command">What to call it in messages.</param>
    public BackgroundProgram(ProcessStartInfo start, string command)
    {
        _command = command;
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        _entering = Process.Start(start)!;
        _entering.OutputDataReceived += (_, line) => Append(_output, line.Data);
        _entering.ErrorDataReceived += (_, line) => Append(_error, line.Data);
        _entering.BeginOutputReadLine();
        _entering.BeginErrorReadLine();
    }

    public string Output => Text(_output);

    public string Error => Text(_error);

    /// <summary>Of nsenter(1) or unshare(1), whose child is the program.</summary>
    public int EnteringPid => _entering.Id;

    public bool HasEnded => _entering.HasExited;

    /// <summary>Sends a line to its standard input.</summary>
    public void Say(string line)
    {
        _entering.StandardInput.WriteLine(line);
        _entering.StandardInput.Flush();
    }

    /// <summary>Waits until its output or error has the text.</summary>
    public void WaitFor(string text)
    {
        Eventually.Holds(() => Has(text) || HasEnded, () => $"'{text}' from {this}");
        // What was written last is read a little after the end.
        if (!Has(text))
            _entering.WaitForExit();
        Assert.IsTrue(Has(text), $"It ended without '{text}': {this}");
    }

    /// <summary>Sends a signal to the program itself, not to nsenter(1), which waits for it.</summary>
    public void Signal(int number)
    {
        if (Program() is { } pid)
            _ = Native.Kill(pid, number);
    }

    /// <summary>Asks the program to end, and gives all that it said.</summary>
    public CommandResult Stop(int signal = Native.SigTerm)
    {
        Signal(signal);
        return WaitForEnd();
    }

    /// <summary>Waits for the program's own end.</summary>
    public CommandResult WaitForEnd()
    {
        if (!_entering.WaitForExit(Eventually.Deadline))
            throw new AssertFailedException($"It doesn't end: {this}");
        _entering.WaitForExit();
        return new CommandResult(_command, _entering.ExitCode, Output, Error);
    }

    public void Dispose()
    {
        if (!_entering.HasExited)
        {
            Signal(Native.SigKill);
            if (!_entering.WaitForExit(TimeSpan.FromSeconds(5)))
                _entering.Kill();
        }
        _entering.Dispose();
    }

    public override string ToString() => $"{_command} ({(HasEnded ? $"ended with {_entering.ExitCode}" : "runs")})\n{Output}\n{Error}";

    private bool Has(string text) => Output.Contains(text, StringComparison.Ordinal) || Error.Contains(text, StringComparison.Ordinal);

    /// <summary>The only child of nsenter(1), as this machine numbers it; null before and after it runs.</summary>
    private int? Program()
    {
        int? child = null;
        Eventually.Holds(() => HasEnded || (child = FirstChild(_entering.Id)) is not null, $"{_command} starts");
        return child;
    }

    private static int? FirstChild(int pid)
    {
        try
        {
            string first = File.ReadAllText($"/proc/{pid}/task/{pid}/children").Split(' ')[0];
            return first.Length == 0 ? null : int.Parse(first, CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static void Append(StringBuilder builder, string? line)
    {
        lock (builder)
        {
            if (line is not null)
                builder.Append(line).Append('\n');
        }
    }

    private static string Text(StringBuilder builder)
    {
        lock (builder)
        {
            return builder.ToString();
        }
    }
}
