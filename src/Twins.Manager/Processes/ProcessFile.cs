namespace Twins.Manager.Processes;

/// <summary>A file that must be at the destination, and be the same there: CRIU compares size and mode.</summary>
/// <param name="Path">As the process sees it.</param>
/// <param name="Use">What for.</param>
/// <param name="SizeBytes">Its size now; 0 for a directory.</param>
/// <param name="Mode">Permission bits, at most 07777 octal.</param>
/// <param name="IsDeleted">It has no name any more: a checkpoint carries it whole, and needs nothing at the destination.</param>
public sealed record ProcessFile(string Path, FileUse Use, long SizeBytes, int Mode, bool IsDeleted);
