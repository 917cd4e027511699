namespace Twins.Manager.Access.Sessions;

/// <summary>By what the admin page's program is known when it calls.</summary>
/// <param name="User">Its user, as <see cref="LocalCaller.User"/> has it.</param>
/// <param name="Pid">Its process; 0: whichever, because nobody else is that user.</param>
internal sealed record PageIdentity(string User, int Pid)
{
    public bool IsOf(LocalCaller caller) => caller.User == User && (Pid == 0 || caller.Pid == Pid);
}
