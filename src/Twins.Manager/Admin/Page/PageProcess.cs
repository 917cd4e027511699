using System.Diagnostics;

namespace Twins.Manager.Admin.Page;

/// <summary>The admin page's program as it runs.</summary>
/// <param name="process">It; as long as it isn't disposed, its number is no other process's.</param>
/// <param name="input">Its standard input.</param>
/// <param name="kept">What has to live as long as it; null: nothing.</param>
internal sealed class PageProcess(Process process, Stream input, IDisposable? kept = null) : IDisposable
{
    public Process Process => process;

    /// <summary>Asks it to end.</summary>
    public void Close() => input.Dispose();

    /// <inheritdoc/>
    public void Dispose()
    {
        input.Dispose();
        process.Dispose();
        kept?.Dispose();
    }
}
