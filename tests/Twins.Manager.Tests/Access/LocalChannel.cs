using System.Net.Sockets;
using System.Runtime.InteropServices;
using Grpc.Net.Client;

namespace Twins.Manager.Tests.Access;

/// <summary>A channel over a Unix socket, connected by a thread with the credentials asked for.</summary>
internal static partial class LocalChannel
{
    public static GrpcChannel Open(string path, uint uid = 0, uint gid = 0, params uint[] groups)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = (_, _) => ValueTask.FromResult<Stream>(new NetworkStream(Connect(path, uid, gid, groups), ownsSocket: true)),
        };
        return GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }

    /// <summary>A socket's file that nobody listens on.</summary>
    public static void LeaveDeadSocket(string path)
    {
        var aside = path + ".aside";
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(aside));
            File.Move(aside, path); // .NET removes the name that it bound
        }
    }

    /// <summary>A connection that was made with these credentials.</summary>
    public static Socket Connect(string path, uint uid, uint gid, uint[] groups)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Exception? failure = null;

        // The system calls, unlike libc's functions, change the calling thread only; the thread ends with its credentials.
        var thread = new Thread(() =>
        {
            try
            {
                if (uid != 0)
                    Become(uid, gid, groups);
                socket.Connect(new UnixDomainSocketEndPoint(path));
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? socket : throw new IOException("connect", failure);
    }

    private static void Become(uint uid, uint gid, uint[] groups)
    {
        var arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
        if (SystemCallGroups(arm ? 159 : 116, (nuint)groups.Length, groups) != 0
            || SystemCall(arm ? 149 : 119, gid, gid, gid) != 0
            || SystemCall(arm ? 147 : 117, uid, uid, uid) != 0)
        {
            throw new IOException($"credentials: error {Marshal.GetLastPInvokeError()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nuint real, nuint effective, nuint saved);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCallGroups(nint number, nuint count, uint[] groups);
}
