using System.ComponentModel;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Security.AccessControl;
using System.Security.Principal;

namespace Twins.Manager.Hooks.Windows;

/// <summary>One instance of the hooks' pipe: a place for one client after the other.</summary>
internal sealed class HookPipeInstance : IDisposable
{
    /// <summary>How many instances a pipe can have: Windows counts to 254, and takes 255 for any number.</summary>
    public const int Most = 254;

    // Some three hundred messages: a burst of connections waits here while the reader is busy.
    private const uint BufferBytes = 16384;

    private readonly NamedPipeServerStream _pipe;

    private HookPipeInstance(NamedPipeServerStream pipe) => _pipe = pipe;

    /// <summary>Ends the client that is connected; null when none is. <see cref="HookPipe"/> guards it.</summary>
    public CancellationTokenSource? Client { get; set; }

    /// <summary>When the client connected or sent its last message, in milliseconds after the system's start.</summary>
    public long LastHeard { get; private set; }

    /// <summary>
    /// Makes an instance. Everybody on this machine may connect to it and write; only the user of this program may make more of them, so
    /// nobody can take hooks' messages in its place. Nobody is asked how they logged on: a program that was started over the network is
    /// heard like any other, while what comes from another machine is refused by the system.
    /// </summary>
    /// <param name="path">Begins with \\.\pipe\.</param>
    /// <param name="isFirst">The name must be free.</param>
    /// <param name="instances">How many there will be of it, at most <see cref="Most"/>; the same for each.</param>
    /// <exception cref="IOException">The name is taken or no name of a pipe.</exception>
    public static unsafe HookPipeInstance Create(string path, bool isFirst, int instances)
    {
        fixed (byte* descriptor = Security().GetSecurityDescriptorBinaryForm())
        {
            var attributes = new Native.SecurityAttributes { Length = (uint)sizeof(Native.SecurityAttributes), SecurityDescriptor = descriptor };
            var handle = Native.CreateNamedPipeW(
                path,
                Native.InboundAccess | Native.Overlapped | (isFirst ? Native.FirstPipeInstance : 0),
                Native.MessageType | Native.MessageReadMode | Native.RejectRemoteClients,
                (uint)instances,
                0,
                BufferBytes,
                0,
                attributes);
            if (!handle.IsInvalid)
                return new HookPipeInstance(new NamedPipeServerStream(PipeDirection.In, isAsync: true, isConnected: false, handle));
        }

        const int AccessDenied = 5, PipeBusy = 231;
        var error = Marshal.GetLastPInvokeError();
        var remedy = error is AccessDenied or PipeBusy ? " Another program has a pipe of this name: end it, or another twinsd." : "";
        throw new IOException($"The hooks' pipe {path} can't be made: {new Win32Exception(error).Message} (error {error}).{remedy}", new Win32Exception(error));
    }

    /// <summary>Waits for a client.</summary>
    /// <returns>Its process.</returns>
    /// <exception cref="Win32Exception">Nobody can connect any more.</exception>
    public async Task<HookSender> ConnectAsync(CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                await _pipe.WaitForConnectionAsync(cancellation);
                break;
            }
            catch (IOException)
            {
                // It came and went before it was waited for. The instance has to be told that too.
                if (!Native.DisconnectNamedPipe(_pipe.SafePipeHandle))
                    throw new Win32Exception(Marshal.GetLastPInvokeError(), "DisconnectNamedPipe");
            }
        }

        LastHeard = Environment.TickCount64;
        return new HookSender(Native.GetNamedPipeClientProcessId(_pipe.SafePipeHandle, out var process) ? (int)process : 0);
    }

    /// <summary>Hands on what the client sends, until it ends, goes away, or sends what is no message.</summary>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public async Task ReadAsync(HookSender sender, HookReceiver receive, CancellationToken cancellation)
    {
        // One octet more than a message has: what is larger comes in pieces, the first of which is refused.
        var buffer = new byte[HookMessage.Size + 1];
        int length;
        do
        {
            length = await _pipe.ReadAsync(buffer, cancellation);
            // Nothing at all is a message too, unless it is the end, which a read isn't always told.
            if (length == 0 && !(_pipe.IsConnected && Native.PeekNamedPipe(_pipe.SafePipeHandle, 0, 0, 0, 0, 0)))
                return;
            LastHeard = Environment.TickCount64;
        }
        while (receive(buffer.AsSpan(0, length), sender));
    }

    /// <summary>Parts from the client, and is free for another one. What it has sent and nobody has read is lost.</summary>
    public void Disconnect() => _pipe.Disconnect();

    /// <inheritdoc/>
    public void Dispose() => _pipe.Dispose();

    private static PipeSecurity Security()
    {
        // CreateFile asks for these three when a hook opens the pipe for writing.
        const PipeAccessRights Writing = PipeAccessRights.WriteData | PipeAccessRights.ReadAttributes | PipeAccessRights.Synchronize;
        using var identity = WindowsIdentity.GetCurrent();
        var security = new PipeSecurity();
        security.SetAccessRuleProtection(isProtected: true, preserveInheritance: false);
        security.AddAccessRule(new PipeAccessRule(identity.User!, PipeAccessRights.FullControl, AccessControlType.Allow));
        security.AddAccessRule(new PipeAccessRule(new SecurityIdentifier(WellKnownSidType.WorldSid, null), Writing, AccessControlType.Allow));
        return security;
    }
}
