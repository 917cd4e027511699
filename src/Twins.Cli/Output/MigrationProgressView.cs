using System.Globalization;
using Twins.Protocol;

namespace Twins.Cli.Output;

/// <summary>The phases of a running migration, on standard error: one line that renews itself on a
/// terminal, one line for each ended phase elsewhere.</summary>
internal sealed class MigrationProgressView(CliEnvironment environment) : IAsyncDisposable
{
    private const string EraseLine = "\r\e[2K";

    private bool _lineIsOpen;

    public void Show(MigrationProgress progress)
    {
        string text = Text(progress);
        if (environment.ErrorIsTerminal)
        {
            environment.Error.Write(EraseLine + text);
            _lineIsOpen = true;
        }
        else if (progress.Milliseconds > 0)
        {
            environment.Error.WriteLine(text);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_lineIsOpen)
            await environment.Error.WriteAsync(EraseLine);
        await environment.Error.FlushAsync();
    }

    private static string Text(MigrationProgress progress) =>
        progress.Milliseconds > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{progress.Phase}: {progress.Milliseconds:0.0} ms")
        : progress.TotalBytes > 0
            ? string.Create(CultureInfo.InvariantCulture,
                $"{progress.Phase}: {progress.Bytes / 1048576.0:0.0} of {progress.TotalBytes / 1048576.0:0.0} MiB ({100.0 * progress.Bytes / progress.TotalBytes:0} %)")
        : $"{progress.Phase} ...";
}
