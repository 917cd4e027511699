using Twins.Manager.Nodes;

namespace Twins.Manager.Home;

/// <content>Pauses by a person's wish: of what runs elsewhere, what peers send is held here. What the process sends goes on to them.</content>
internal sealed partial class HomeRole
{
    /// <summary>Holds what the peers of the process send, in order; if it is so already, until then.</summary>
    /// <returns>False: it doesn't run elsewhere, or is about to move.</returns>
    /// <exception cref="NodeException">Its twin can't be told.</exception>
    public Task<bool> PauseAsync(string processId, DateTimeOffset until) => ChangeRedirectedAsync(processId, async process =>
    {
        if (process.Holding && process.PausedUntil is null)
            return false;
        if (!process.Holding)
            process.HoldingSince = TimeProvider.System.GetTimestamp();
        process.Holding = true;
        process.PausedUntil = until;
        // Before the twin holds, so that a restart finds what to let go.
        _store.SavePause(process);
        await process.Twin.SendAsync(Migrating(process, process.Connections));
        return true;
    });

    /// <summary>Sends on what is held, in order, and all that follows.</summary>
    /// <returns>False: it isn't paused.</returns>
    /// <exception cref="NodeException">Its twin can't be told.</exception>
    public Task<bool> ResumeAsync(string processId) => ChangeRedirectedAsync(processId, async process =>
    {
        if (process.PausedUntil is null)
            return false;
        process.Holding = false;
        var command = process.Command();
        command.Migrated = Redirecting(process, process.Flows.Values);
        await process.Twin.SendAsync(command);
        EndPause(process);
        return true;
    });

    private async Task<bool> ChangeRedirectedAsync(string processId, Func<HomeProcess, Task<bool>> change) =>
        Find(processId) is { Host: not null, HasLeft: false } found
        && await ChangeAsync(processId, found.Epoch, create: false, process => process.Host is null ? Task.FromResult(false) : change(process));

    private void EndPause(HomeProcess process)
    {
        if (process.PausedUntil is null)
            return;
        process.PausedUntil = null;
        _store.SavePause(process);
    }
}
