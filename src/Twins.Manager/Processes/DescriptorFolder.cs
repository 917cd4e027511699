using System.Runtime.InteropServices;
using System.Text;

namespace Twins.Manager.Processes;

/// <summary>
/// Reads /proc/PID/fd: a program may have ten thousand descriptors, and waits frozen while they are read. Two system calls for
/// each and nothing else.
/// </summary>
internal static unsafe class DescriptorFolder
{
    private const int NameOffset = 19;   // struct dirent of a 64-bit Linux: inode 8, offset 8, length 2, type 1
    private const int LongestTarget = 4096;

    /// <summary>All descriptors of a process, in no order; none when it has ended or may not be looked at.</summary>
    public static List<Descriptor> Read(int pid)
    {
        var found = new List<Descriptor>();
        var folder = Native.OpenDirectory(FormattableString.Invariant($"/proc/{pid}/fd"));
        if (folder == 0)
            return found;
        try
        {
            Span<byte> target = stackalloc byte[LongestTarget];
            while (Native.ReadDirectory(folder) is not 0 and var entry)
            {
                var name = (byte*)entry + NameOffset;
                if (!TryParseNumber(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name), out var number))
                    continue;
                var length = (int)Native.ReadLinkAt(Native.DirectoryDescriptor(folder), name, target, LongestTarget);
                // It was closed meanwhile.
                if (length > 0)
                    found.Add(new Descriptor(pid, number, Encoding.UTF8.GetString(target[..length])));
            }
        }
        finally
        {
            _ = Native.CloseDirectory(folder);
        }

        return found;
    }

    private static bool TryParseNumber(ReadOnlySpan<byte> name, out int number) =>
        System.Buffers.Text.Utf8Parser.TryParse(name, out number, out var length) && length == name.Length;
}
