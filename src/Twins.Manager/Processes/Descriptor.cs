using System.Globalization;
using System.Text;

namespace Twins.Manager.Processes;

/// <summary>One open descriptor of a process.</summary>
/// <param name="Pid">Whose.</param>
/// <param name="Number">Its number there.</param>
/// <param name="Target">What /proc/PID/fd/N points to: a path, <c>socket:[123]</c>, <c>pipe:[123]</c>, <c>anon_inode:[eventpoll]</c>.</param>
internal readonly record struct Descriptor(int Pid, int Number, string Target)
{
    private string Link => FormattableString.Invariant($"/proc/{Pid}/fd/{Number}");

    /// <summary>The inode of a socket or a pipe (<paramref name="kind"/> is the word before the colon).</summary>
    public bool TryGetInode(string kind, out ulong inode)
    {
        inode = 0;
        return Target.Length > kind.Length + 3 && Target.StartsWith(kind, StringComparison.Ordinal)
            && Target.AsSpan(kind.Length).StartsWith(":[") && Target[^1] == ']'
            && ulong.TryParse(Target.AsSpan((kind.Length + 2)..^1), NumberStyles.None, CultureInfo.InvariantCulture, out inode);
    }

    /// <summary>The kernel's name of a socket's protocol, e.g. TCP, UDPv6, UNIX-STREAM (UNIX before 5.15), NETLINK, PACKET; empty when it can't be told.</summary>
    public string ReadProtocolName()
    {
        Span<byte> name = stackalloc byte[64];
        var length = (int)Native.GetExtendedAttribute(Link, "system.sockprotoname", name, name.Length);
        return length <= 0 ? "" : Encoding.ASCII.GetString(name[..length]).TrimEnd('\0');
    }

    /// <summary>Whether it was opened for writing (fdinfo, flags, O_ACCMODE).</summary>
    public bool IsForWriting()
    {
        var flags = ProcFile.ReadLines(FormattableString.Invariant($"/proc/{Pid}/fdinfo/{Number}"))
            .FirstOrDefault(line => line.StartsWith("flags:", StringComparison.Ordinal));
        return flags is not null && (Convert.ToInt32(flags["flags:".Length..].Trim(), 8) & 3) != 0;
    }
}
