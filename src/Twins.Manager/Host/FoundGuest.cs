namespace Twins.Manager.Host;

/// <summary>What another program has restored or started so far in a guest's place.</summary>
/// <param name="Pid">The process; 0 when it isn't complete.</param>
/// <param name="Missing">What is still lacking.</param>
internal sealed record FoundGuest(int Pid, string Missing);
