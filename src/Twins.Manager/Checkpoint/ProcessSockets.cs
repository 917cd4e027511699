using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Checkpoint;

/// <summary>Reaches into the connected TCP sockets of other processes through duplicates of their descriptors.</summary>
internal static partial class ProcessSockets
{
    public const int InternetProtocol = 0;
    public const int TransmissionControl = 6;
    public const int Internet6Protocol = 41;
    private const int SocketLevel = 1;
    private const int SocketProtocol = 38;
    private const int SocketDomain = 39;
    private const int TcpInfo = 11;
    private const int Close = 7;
    private const int Listen = 10;

    /// <summary>Calls <paramref name="action"/> with (socket, is IPv6) once per TCP socket that is neither listening nor closed.</summary>
    /// <returns>How many there were.</returns>
    public static int ForEachConnection(IEnumerable<int> pids, Action<SafeFileHandle, bool> action)
    {
        var seen = new HashSet<string>();
        foreach (var pid in pids)
        {
            using var process = ProcessHandle.TryOpen(pid);
            if (process is null)
                continue;
            foreach (var (descriptor, name) in SocketDescriptors(pid))
            {
                // Forked processes share sockets: the inode in the name tells.
                if (!seen.Add(name))
                    continue;
                using var socket = process.TryDuplicate(descriptor);
                if (socket is null || GetInt(socket, SocketLevel, SocketProtocol) != TransmissionControl || !IsConnected(socket))
                {
                    seen.Remove(name);
                    continue;
                }

                action(socket, GetInt(socket, SocketLevel, SocketDomain) == 10);
            }
        }

        return seen.Count;
    }

    public static int GetInt(SafeFileHandle socket, int level, int option)
    {
        var value = 0;
        var length = 4;
        return GetOption(socket, level, option, ref value, ref length) == 0 ? value : -1;
    }

    public static bool TrySetInt(SafeFileHandle socket, int level, int option, int value) =>
        SetOption(socket, level, option, ref value, 4) == 0;

    /// <summary>Whether the option has a value of more than no octets.</summary>
    public static bool HasValue(SafeFileHandle socket, int level, int option)
    {
        Span<int> value = stackalloc int[64];
        var length = 256;
        return GetOption(socket, level, option, ref value[0], ref length) == 0 && length > 0;
    }

    /// <summary>Sets an option to nothing: no value, length zero.</summary>
    public static bool TrySetEmpty(SafeFileHandle socket, int level, int option)
    {
        var value = 0;
        return SetOption(socket, level, option, ref value, 0) == 0;
    }

    private static bool IsConnected(SafeFileHandle socket)
    {
        // The first octet of struct tcp_info is the state.
        var state = GetInt(socket, TransmissionControl, TcpInfo) & 0xff;
        return state is > 0 and not Close and not Listen;
    }

    private static IEnumerable<(int Descriptor, string Name)> SocketDescriptors(int pid)
    {
        string[] links;
        try
        {
            links = Directory.GetFiles($"/proc/{pid}/fd");
        }
        catch (IOException)
        {
            yield break;
        }

        foreach (var link in links)
        {
            string? target;
            try
            {
                target = new FileInfo(link).LinkTarget;
            }
            catch (IOException)
            {
                continue;
            }

            if (target?.StartsWith("socket:", StringComparison.Ordinal) == true)
                yield return (int.Parse(Path.GetFileName(link), CultureInfo.InvariantCulture), target);
        }
    }

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetOption(SafeFileHandle socket, int level, int option, ref int value, ref int length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOption(SafeFileHandle socket, int level, int option, ref int value, int length);
}
