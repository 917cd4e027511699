namespace Twins.Manager.Processes.Windows;

/// <summary>A socket of the system's tables, and the number of the process to which it belongs, 0 for none.</summary>
internal readonly record struct OwnedRow(SocketRow Socket, int Pid);
