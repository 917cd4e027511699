using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Security.Principal;

namespace Twins.Worker.Windows;

/// <summary>The control port as a named pipe that only the user of this twin can open, and from this machine only.</summary>
[SupportedOSPlatform("windows")]
internal sealed partial class PipeControlEndpoint : ControlEndpoint
{
    private const string Prefix = @"\\.\pipe\";
    private readonly string _name;
    private volatile bool _disposed;
    private NamedPipeServerStream _next;

    /// <exception cref="ArgumentException">The path is not that of a pipe.</exception>
    /// <exception cref="IOException">The name is taken.</exception>
    public PipeControlEndpoint(string path, Action<ControlItem> post)
        : base(post)
    {
        if (!path.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException($"a control path on Windows begins with {Prefix}", nameof(path));
        _name = path[Prefix.Length..];
        // Somebody else may have been first with the name, to be talked to in our place.
        _next = Create(PipeOptions.FirstPipeInstance);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _disposed = true;
        _next.Dispose();
    }

    /// <inheritdoc/>
    protected override ControlChannel? Accept()
    {
        while (!_disposed)
        {
            var pipe = _next;
            try
            {
                pipe.WaitForConnection();
                _ = GetNamedPipeClientProcessId(pipe.SafePipeHandle, out var client);
                _next = Create(PipeOptions.None);
                return new PipeControlChannel(pipe, new ControlPeer(Environment.UserName, (int)client));
            }
            catch (Exception exception) when (exception is IOException or ObjectDisposedException or OperationCanceledException)
            {
                // Its client left at once, or this is the end.
                pipe.Dispose();
                if (_disposed)
                    break;
                _next = Create(PipeOptions.None);
            }
        }

        return null;
    }

    private NamedPipeServerStream Create(PipeOptions more) => NamedPipeServerStreamAcl.Create(
        _name, PipeDirection.InOut, NamedPipeServerStream.MaxAllowedServerInstances, PipeTransmissionMode.Byte, PipeOptions.Asynchronous | more,
        inBufferSize: 0, outBufferSize: 0, Rights());

    /// <summary>Those of <see cref="PipeOptions.CurrentUserOnly"/>, which twinsd asks for, without other machines.</summary>
    private static PipeSecurity Rights()
    {
        using var identity = WindowsIdentity.GetCurrent();
        var security = new PipeSecurity();
        security.SetOwner(identity.Owner!);
        security.AddAccessRule(new PipeAccessRule(new SecurityIdentifier(WellKnownSidType.NetworkSid, null), PipeAccessRights.FullControl, AccessControlType.Deny));
        security.AddAccessRule(new PipeAccessRule(identity.Owner!, PipeAccessRights.FullControl, AccessControlType.Allow));
        return security;
    }

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetNamedPipeClientProcessId(SafeHandle pipe, out uint process);
}
