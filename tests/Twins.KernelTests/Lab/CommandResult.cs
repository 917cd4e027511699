namespace Twins.KernelTests.Lab;

/// <summary>What a program that ended said.</summary>
/// <param name="Command">The command line, for messages.</param>
/// <param name="ExitCode">128 + N if signal N ended it.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record CommandResult(string Command, int ExitCode, string Output, string Error)
{
    /// <summary>This result, if the exit code is 0; else the test fails with all that was said.</summary>
    public CommandResult Succeeded() => Exits(0);

    /// <summary>This result, if the exit code is the expected one; else the test fails with all that was said.</summary>
    public CommandResult Exits(int expected)
    {
        Assert.AreEqual(expected, ExitCode, ToString());
        return this;
    }

    public override string ToString() => $"{Command}\nexit code {ExitCode}\n{Output}\n{Error}";
}
