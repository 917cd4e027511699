using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Security;
using System.Security.Principal;

namespace Twins.Manager.Access.Windows;

/// <summary>
/// Who made a pipe's connection, by the token that the system has kept of its client. Read once, at the connection's start or,
/// for a client that lets its token follow it, when something has come from it. Thread safe.
/// </summary>
internal sealed partial class PipeCaller
{
    private readonly NamedPipeServerStream _pipe;
    private readonly PipeRights _rights;
    private LocalCaller? _caller;

    public PipeCaller(NamedPipeServerStream pipe, PipeRights rights)
    {
        _pipe = pipe;
        _rights = rights;
        _caller = Read();
    }

    /// <summary>Null: the system doesn't tell (yet), so the caller is nobody.</summary>
    public LocalCaller? Caller => _caller ??= Read();

    private LocalCaller? Read()
    {
        LocalCaller? caller = null;
        try
        {
            _pipe.RunAsClient(() =>
            {
                // Null where this thread has no token but the process's own: that isn't the client's.
                using var identity = WindowsIdentity.GetCurrent(ifImpersonating: true);
                if (identity is not null)
                    caller = _rights.Judge(identity, GetNamedPipeClientProcessId(_pipe.SafePipeHandle, out var pid) ? (int)pid : 0);
            });
        }
        catch (Exception exception) when (exception is IOException or SecurityException or UnauthorizedAccessException or InvalidOperationException)
        {
            // An anonymous client, one that has gone, or one that has sent nothing yet.
            return null;
        }

        return caller;
    }

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetNamedPipeClientProcessId(SafeHandle pipe, out uint process);
}
