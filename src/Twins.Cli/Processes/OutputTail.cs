namespace Twins.Cli.Processes;

/// <summary>Passes on what a program writes into its two output files.</summary>
internal sealed class OutputTail : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);
    private readonly CancellationTokenSource _ended = new();
    private readonly Task _copying;

    public OutputTail(CliEnvironment environment, string outputPath, string errorPath)
    {
        _copying = Task.WhenAll(
            CopyAsync(outputPath, environment.OutBytes), CopyAsync(errorPath, environment.ErrorBytes));
    }

    /// <summary>Passes on the rest; the program has ended.</summary>
    public async Task FinishAsync()
    {
        await _ended.CancelAsync();
        await _copying;
    }

    public async ValueTask DisposeAsync()
    {
        await FinishAsync();
        _ended.Dispose();
    }

    private async Task CopyAsync(string path, Stream to)
    {
        await using var from = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        bool last;
        do
        {
            // Asked before copying: what was written before the end is seen.
            last = _ended.IsCancellationRequested;
            await from.CopyToAsync(to);
            await to.FlushAsync();
            if (!last)
                await Task.Delay(Interval, _ended.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        } while (!last);
    }
}
