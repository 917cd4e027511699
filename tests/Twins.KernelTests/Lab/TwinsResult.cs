using System.Text.Json;

namespace Twins.KernelTests.Lab;

/// <summary>What <c>twins ... --json</c> answered.</summary>
internal sealed class TwinsResult(CommandResult result)
{
    public CommandResult Command => result;

    public int ExitCode => result.ExitCode;

    /// <summary>The one document on standard output; anything else there fails the test.</summary>
    public JsonElement Document
    {
        get
        {
            try
            {
                return JsonDocument.Parse(result.Output).RootElement;
            }
            catch (JsonException failure)
            {
                throw new AssertFailedException($"Not one JSON document: {failure.Message}\n{result}");
            }
        }
    }

    public TwinsResult Exits(int expected)
    {
        result.Exits(expected);
        return this;
    }

    /// <summary>A migration that failed: exit code, document and text tell it and name the step, and the message what to do about it.</summary>
    /// <returns>The message.</returns>
    public string FailsIn(string step, string code, string remedy, int exitCode = 3)
    {
        result.Exits(exitCode);
        Assert.AreEqual(exitCode == 3, Document.GetProperty("rolledBack").GetBoolean(), ToString());
        JsonElement error = Document.GetProperty("error");
        Assert.AreEqual(step, error.GetProperty("phase").GetString(), ToString());
        Assert.AreEqual(code, error.GetProperty("code").GetString(), ToString());
        string message = error.GetProperty("message").GetString()!;
        Assert.Contains(remedy, message, ToString());
        Assert.Contains($"twins: {step} failed: ", result.Error, ToString());
        Assert.Contains(message, result.Error, ToString());
        Assert.AreEqual(exitCode == 3, result.Error.Contains("Rolled back: the process runs on where it was, with its connections.\n", StringComparison.Ordinal), ToString());
        return message;
    }

    public override string ToString() => result.ToString();
}
