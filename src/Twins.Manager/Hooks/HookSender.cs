namespace Twins.Manager.Hooks;

/// <summary>Who sent a message, as the system says, never the message.</summary>
/// <param name="Pid">Its process; 0 when it isn't visible here.</param>
/// <param name="User">The number of its user; null on Windows, where users have none.</param>
internal readonly record struct HookSender(int Pid, uint? User = null)
{
    /// <inheritdoc/>
    public override string ToString() => User is { } user ? $"Process {Pid} of user {user}" : $"Process {Pid}";
}
