namespace Twins.Manager.Admin;

/// <summary>Something that belongs to nothing.</summary>
/// <param name="What">In words, with its name.</param>
/// <param name="Remove">Takes it away.</param>
internal sealed record Leftover(string What, Action Remove);
