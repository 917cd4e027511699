using System.Text.Json;

namespace Twins.KernelTests.Lab;

/// <summary>A rig on an outsider that checks every byte and tells the result as JSON when it is stopped.</summary>
internal sealed class CheckedClient(BackgroundProgram program)
{
    /// <summary>Waits until it has said that it is at work.</summary>
    public CheckedClient WaitUntilReady()
    {
        program.WaitFor("ready");
        return this;
    }

    /// <summary>True while it has told no error.</summary>
    public bool IsWell => !program.HasEnded;

    /// <summary>Waits until each connection of <c>traffic.py</c> has received more than before; an error fails the test.</summary>
    public void AssertGoesOn()
    {
        long[] before = ReadProgress();
        Eventually.Holds(() => ReadProgress().Zip(before).All(pair => pair.First > pair.Second), () => $"every connection goes on: {program}");
    }

    private long[] ReadProgress()
    {
        int asked = program.Error.Length;
        program.Signal(Native.SigUsr1);
        string line = "";
        Eventually.Holds(
            () => program.HasEnded || (line = program.Error[asked..]).Contains('\n'), () => $"an answer from {program}");
        Assert.IsFalse(program.HasEnded, $"It ended: {program}");
        JsonElement progress = JsonDocument.Parse(line.Split('\n')[0]).RootElement;
        Assert.AreEqual(0, progress.GetProperty("errors").GetArrayLength(), progress.ToString());
        return [.. progress.GetProperty("received").EnumerateArray().Select(octets => octets.GetInt64())];
    }

    /// <summary>Stops it; the test fails if it met any error.</summary>
    /// <param name="counted">The property of its result that must not be zero.</param>
    public JsonElement Finish(string counted = "bytes")
    {
        CommandResult result = program.Stop();
        JsonElement document = JsonDocument.Parse(result.Output.Length > 0 ? result.Output : "{}").RootElement;
        Assert.AreEqual(0, result.ExitCode, result.ToString());
        Assert.AreEqual(0, document.GetProperty("errors").GetArrayLength(), result.ToString());
        Assert.IsGreaterThan(0L, document.GetProperty(counted).GetInt64(), $"It was idle: {result}");
        return document;
    }

    public override string ToString() => program.ToString();
}
