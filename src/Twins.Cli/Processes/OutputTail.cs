namespace Twins.Cli.Processes;

/// <summary>Passes on what a program writes into its two output files.</summary>
internal sealed class OutputTail(CliEnvironment environment, string outputPath, string errorPath)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _copying;

    /// <summary>Begins to pass on.</summary>
    public void Start() => _copying ??= Task.WhenAll(
        CopyAsync(outputPath, environment.OutBytes), CopyAsync(errorPath, environment.ErrorBytes));

    /// <summary>Passes on the rest; the program has ended.</summary>
    public async Task FinishAsync()
    {
        _ended.TrySetResult();
        Start();
        await _copying!;
    }

    private async Task CopyAsync(string path, Stream to)
    {
        await using var from = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        bool last;
        do
        {
            // Asked before copying: what was written before the end is seen.
            last = _ended.Task.IsCompleted;
            await from.CopyToAsync(to);
            await to.FlushAsync();
            if (!last)
                await Task.WhenAny(_ended.Task, Task.Delay(Interval));
        } while (!last);
    }
}
