using System.Runtime.InteropServices;

namespace Twins.Manager.Access.Linux;

/// <summary>Groups of the system, by name: getgrnam_r(3), so also those that are not in /etc/group.</summary>
internal static partial class GroupDatabase
{
    private const int BufferBytes = 1 << 20;

    /// <summary>Null: there is no such group.</summary>
    public static unsafe uint? Find(string name)
    {
        var buffer = new byte[BufferBytes];
        Group group;
        Group* found;
        fixed (byte* memory = buffer)
            return GetGroup(name, &group, memory, BufferBytes, &found) == 0 && found is not null ? group.Id : null;
    }

    [LibraryImport("libc", EntryPoint = "getgrnam_r", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int GetGroup(string name, Group* group, byte* buffer, nuint length, Group** found);

    /// <summary>struct group of grp.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Group
    {
        public nint Name;
        public nint Password;
        public uint Id;
        public nint Members;
    }
}
