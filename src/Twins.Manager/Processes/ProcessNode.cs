namespace Twins.Manager.Processes;

/// <summary>One process of a tree.</summary>
/// <param name="Identity">Which one.</param>
/// <param name="ParentPid">Its parent.</param>
/// <param name="Threads">The numbers of its threads, ascending; the first thread has the PID.</param>
/// <param name="State">The letter of proc(5): R, S, D, T, t, Z, ...</param>
public sealed record ProcessNode(ProcessIdentity Identity, int ParentPid, IReadOnlyList<int> Threads, char State)
{
    /// <summary>The process's number.</summary>
    public int Pid => Identity.Pid;
}
