using System.Collections.Immutable;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Twins.Manager.Access.Linux;

/// <summary>
/// Who connected a Unix socket, as the kernel noted it at connect(2): unix(7), SO_PEERCRED and SO_PEERGROUPS. A later
/// change of the process, or another one with its PID, has no part in it.
/// </summary>
internal sealed partial record PeerCredentials(int Pid, uint Uid, uint Gid, ImmutableArray<uint> Groups)
{
    private const int SolSocket = 1;
    private const int SoPeerCredentials = 17;
    private const int SoPeerGroups = 59;
    private const int MostGroups = 65536; // NGROUPS_MAX

    /// <summary>Null: the kernel doesn't tell, so the caller is nobody.</summary>
    public static PeerCredentials? Read(Socket socket)
    {
        Span<uint> credentials = stackalloc uint[3]; // struct ucred: pid, uid, gid
        var length = 3u * sizeof(uint);
        if (GetSocketOption(socket.SafeHandle, SolSocket, SoPeerCredentials, credentials, ref length) != 0 || length != 3 * sizeof(uint))
            return null;
        return new PeerCredentials((int)credentials[0], credentials[1], credentials[2], ReadGroups(socket));
    }

    public bool IsIn(uint group) => Gid == group || Groups.Contains(group);

    private static ImmutableArray<uint> ReadGroups(Socket socket)
    {
        // With too little room the kernel answers ERANGE and the length that it needs.
        var groups = new uint[64];
        var length = (uint)groups.Length * sizeof(uint);
        if (GetSocketOption(socket.SafeHandle, SolSocket, SoPeerGroups, groups, ref length) != 0)
        {
            if (length <= groups.Length * sizeof(uint) || length > MostGroups * sizeof(uint))
                return [];
            groups = new uint[length / sizeof(uint)];
            if (GetSocketOption(socket.SafeHandle, SolSocket, SoPeerGroups, groups, ref length) != 0)
                return [];
        }

        return [.. groups.AsSpan(0, (int)(length / sizeof(uint)))];
    }

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetSocketOption(SafeHandle socket, int level, int option, Span<uint> value, ref uint length);
}
