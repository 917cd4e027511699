using System.Runtime.InteropServices;

namespace Twins.Manager.Access.Linux;

/// <summary>Users of the system: getpwnam_r(3) and getpwuid_r(3), so also those that are not in /etc/passwd.</summary>
internal static partial class UserDatabase
{
    private const int BufferBytes = 1 << 16;

    /// <summary>The IDs of a user and of its group, by the user's name. Null: there is no such user.</summary>
    public static unsafe (uint User, uint Group)? Find(string name)
    {
        var buffer = new byte[BufferBytes];
        User user;
        User* found;
        fixed (byte* memory = buffer)
            return GetByName(name, &user, memory, BufferBytes, &found) == 0 && found is not null ? (user.Id, user.GroupId) : null;
    }

    /// <summary>A user's name by its ID, for people; one without a name is called by its number.</summary>
    public static unsafe string NameOf(uint id)
    {
        var buffer = new byte[BufferBytes];
        User user;
        User* found;
        fixed (byte* memory = buffer)
        {
            return GetById(id, &user, memory, BufferBytes, &found) == 0 && found is not null && Marshal.PtrToStringUTF8(user.Name) is { Length: > 0 } name
                ? name : $"user {id}";
        }
    }

    [LibraryImport("libc", EntryPoint = "getpwnam_r", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int GetByName(string name, User* user, byte* buffer, nuint length, User** found);

    [LibraryImport("libc", EntryPoint = "getpwuid_r")]
    private static unsafe partial int GetById(uint id, User* user, byte* buffer, nuint length, User** found);

    /// <summary>struct passwd of pwd.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct User
    {
        public nint Name;
        public nint Password;
        public uint Id;
        public uint GroupId;
        public nint Description;
        public nint Directory;
        public nint Shell;
    }
}
