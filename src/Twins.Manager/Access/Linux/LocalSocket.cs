using System.Net.Sockets;

namespace Twins.Manager.Access.Linux;

/// <summary>The Unix socket's file.</summary>
internal static class LocalSocket
{
    // Everybody may connect: who may do what is decided by the kernel's word on the caller, with a sentence, not by a mode.
    private const UnixFileMode Everybody = UnixFileMode.UserRead | UnixFileMode.UserWrite
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    private const UnixFileMode Directory = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Makes the directory and removes what a dead server left.</summary>
    /// <exception cref="IOException">A living server has the socket, or the path is something else.</exception>
    public static void Prepare(string path)
    {
        if (OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException();
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!, Directory);
        if (!File.Exists(path))
            return;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }

        throw new IOException($"{path} is another twinsd's, which is running. Stop it first.");
    }

    public static void Open(string path)
    {
        if (OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException();
        File.SetUnixFileMode(path, Everybody);
    }
}
