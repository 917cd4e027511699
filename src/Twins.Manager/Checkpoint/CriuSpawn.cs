using System.Collections;
using System.Runtime.InteropServices;

namespace Twins.Manager.Checkpoint;

/// <summary>
/// Starts criu by posix_spawn(3) instead of the class library's Process: the message socket reaches the
/// child as descriptor 3 without ever being inheritable here, so no other child that starts at the same
/// moment can hold it open, and the death of criu is always seen; and the child takes the network
/// namespace of the calling thread.
/// </summary>
internal static unsafe partial class CriuSpawn
{
    private const int ChildDescriptor = 3;
    private const int ReadWrite = 2;
    private const short SetSignalDefaults = 0x04;
    private const short SetSignalMask = 0x08;
    private const short SetSession = 0x80;

    // Larger than glibc's structures (80 and 336 octets) on every architecture.
    private const int OpaqueBytes = 1024;

    /// <summary>Starts <c>criu swrk 3</c> with the descriptor as 3; returns its number, or the error that exec gave.</summary>
    public static (int Pid, int Error) Start(string criu, int descriptor) => Start([criu, "swrk", "3"], descriptor);

    /// <summary>Starts a program in a session of its own; returns its number, or the error that exec gave.</summary>
    /// <param name="command">Absolute path and arguments.</param>
    /// <param name="descriptor">What it gets as descriptor 3; null: nothing.</param>
    public static (int Pid, int Error) Start(string[] command, int? descriptor = null)
    {
        var actions = stackalloc byte[OpaqueBytes];
        var attributes = stackalloc byte[OpaqueBytes];
        var signals = stackalloc byte[128];
        var error = ActionsInit(actions) | AttributesInit(attributes);
        var arguments = Strings(command);
        var environment = Strings([.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(e => $"{e.Key}={e.Value}")]);
        try
        {
            error |= ActionsOpen(actions, 0, "/dev/null", ReadWrite, 0)
                | ActionsOpen(actions, 1, "/dev/null", ReadWrite, 0)
                | (descriptor is { } given ? ActionsDuplicate(actions, given, ChildDescriptor) : 0)
                | ActionsCloseFrom(actions, descriptor is null ? ChildDescriptor : ChildDescriptor + 1);
            // The runtime ignores SIGPIPE and handles others; the program gets the defaults and nothing blocked.
            new Span<byte>(signals, 128).Clear();
            error |= AttributesSignalMask(attributes, signals);
            new Span<byte>(signals, 128).Fill(0xff);
            error |= AttributesSignalDefaults(attributes, signals)
                | AttributesFlags(attributes, SetSignalDefaults | SetSignalMask | SetSession);
            // The preparing calls only ever fail for lack of memory (ENOMEM).
            if (error != 0)
                return (0, error);
            error = Spawn(out var pid, command[0], actions, attributes, arguments, environment);
            return (pid, error);
        }
        finally
        {
            Free(arguments);
            Free(environment);
            _ = ActionsDestroy(actions);
            _ = AttributesDestroy(attributes);
        }
    }

    private static byte** Strings(params string[] values)
    {
        var array = (byte**)NativeMemory.AllocZeroed((nuint)(values.Length + 1), (nuint)sizeof(byte*));
        for (var i = 0; i < values.Length; i++)
            array[i] = (byte*)Marshal.StringToCoTaskMemUTF8(values[i]);
        return array;
    }

    private static void Free(byte** array)
    {
        for (var p = array; *p != null; p++)
            Marshal.FreeCoTaskMem((nint)(*p));
        NativeMemory.Free(array);
    }

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Spawn(out int pid, string path, byte* actions, byte* attributes, byte** arguments, byte** environment);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int ActionsInit(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int ActionsDestroy(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ActionsOpen(byte* actions, int descriptor, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int ActionsDuplicate(byte* actions, int descriptor, int target);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addclosefrom_np")]
    private static partial int ActionsCloseFrom(byte* actions, int first);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static partial int AttributesInit(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static partial int AttributesDestroy(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static partial int AttributesFlags(byte* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static partial int AttributesSignalMask(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static partial int AttributesSignalDefaults(byte* attributes, byte* signals);
}
