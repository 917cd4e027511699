using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>struct ucred (unix(7)): a process and its identity, as the kernel vouches for them.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct UnixCredentials(int ProcessId, uint UserId, uint GroupId);
