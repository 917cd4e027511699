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

    public override string ToString() => result.ToString();
}
