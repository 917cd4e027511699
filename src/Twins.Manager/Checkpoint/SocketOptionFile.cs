using System.Net.Sockets;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Microsoft.Win32.SafeHandles;
using Twins.Diversion.Linux;
using Twins.Protocol.Images;

namespace Twins.Manager.Checkpoint;

/// <summary>
/// The options of a process's TCP sockets (<see cref="SocketOption"/>), in a file of its own among the images. Saved from the
/// frozen process, set in the restored one before it runs. What arrives is not trusted: the file is bounded, it names only
/// sockets of the restored processes, and only options of the table.
/// </summary>
internal static class SocketOptionFile
{
    /// <summary>Its name among the images.</summary>
    public const string Name = "socket-options.twins";

    // About a hundred octets for each of 300,000 sockets.
    private const int LargestBytes = 32 << 20;
    private const int LongestValueBytes = 16;

    private static readonly Dictionary<string, SocketOption> s_byName = SocketOption.All.ToDictionary(option => option.Name);

    /// <summary>Writes what differs from a new socket of the same network namespace.</summary>
    /// <param name="pids">The frozen processes.</param>
    /// <param name="networkNamespacePath">Where they live; <see langword="null"/> for this program's own.</param>
    /// <param name="imagesDirectory">Where the file goes.</param>
    public static void Save(IEnumerable<int> pids, string? networkNamespacePath, string imagesDirectory)
    {
        var image = new SocketOptionsImage();
        var (defaults, defaults6) = NetworkNamespace.Run(networkNamespacePath, () => (ReadDefaults(AddressFamily.InterNetwork), ReadDefaults(AddressFamily.InterNetworkV6)));
        ForeignSockets.ForEach(pids, descriptor =>
        {
            var options = Read(descriptor, descriptor.IsIPv6 ? defaults6 : defaults);
            if (options.Count > 0)
                image.Sockets.Add(new SocketOptions { Pid = descriptor.Pid, DescriptorNumber = descriptor.Number, Options = { options } });
        });
        File.WriteAllBytes(Path.Combine(imagesDirectory, Name), image.ToByteArray());
    }

    /// <summary>Sets what was saved where the restored socket has another value.</summary>
    /// <param name="pids">The restored processes; no other is touched.</param>
    /// <param name="imagesDirectory">Where the file is.</param>
    /// <exception cref="CheckpointException">The file is not acceptable, or an option can't be set here.</exception>
    public static void Apply(IReadOnlyCollection<int> pids, string imagesDirectory)
    {
        foreach (var socket in Load(imagesDirectory).Sockets)
        {
            if (!pids.Contains(socket.Pid))
                throw Refused($"names process {socket.Pid}, which isn't one of those restored");
            using var process = ProcessHandle.TryOpen(socket.Pid);
            using var handle = process?.TryDuplicate(socket.DescriptorNumber);
            if (handle is null || !ForeignSockets.IsTcp(handle))
                throw Refused($"names descriptor {socket.DescriptorNumber} of process {socket.Pid}, which is no TCP socket");
            foreach (var option in socket.Options)
                Set(handle, socket, option);
        }
    }

    private static SocketOptionsImage Load(string imagesDirectory)
    {
        var path = Path.Combine(imagesDirectory, Name);
        try
        {
            if (new FileInfo(path).Length > LargestBytes)
                throw Refused($"is larger than {LargestBytes} octets");
            return SocketOptionsImage.Parser.ParseFrom(File.ReadAllBytes(path));
        }
        catch (InvalidProtocolBufferException e)
        {
            throw Refused($"can't be read: {e.Message}", e);
        }
        catch (FileNotFoundException e)
        {
            throw Refused("is missing", e);
        }
    }

    private static void Set(SafeFileHandle handle, SocketOptions socket, SocketOptionValue wanted)
    {
        if (!s_byName.TryGetValue(wanted.Name, out var option) || wanted.Value.Length != option.LengthBytes)
            throw Refused($"sets '{wanted.Name}' to {wanted.Value.Length} octets, which isn't an option that is carried");
        Span<byte> now = stackalloc byte[LongestValueBytes];
        now = now[..option.LengthBytes];
        if (ForeignSockets.TryGet(handle, option.Level, option.Number, now) && wanted.Value.Span.SequenceEqual(now))
            return;
        var error = ForeignSockets.Set(handle, option.Level, option.Number, wanted.Value.Span);
        if (error != 0)
        {
            throw new CheckpointException("restore", CheckpointCode.SocketOptionRefused,
                $"This kernel doesn't take the value of {option.Name} that descriptor {socket.DescriptorNumber} of process {socket.Pid} has ({Marshal.GetPInvokeErrorMessage(error)}). "
                + (option.Name == "TCP_CONGESTION" ? $"Load the module of that congestion control on this node (tcp_{Text(wanted.Value)}), or move to another one." : "Move to a node with the kernel of the one it comes from."));
        }
    }

    private static List<SocketOptionValue> Read(TcpDescriptor descriptor, Dictionary<string, byte[]> defaults)
    {
        var options = new List<SocketOptionValue>();
        Span<byte> buffer = stackalloc byte[LongestValueBytes];
        foreach (var option in SocketOption.All)
        {
            // What a new socket doesn't have this kernel doesn't know.
            if (!option.AppliesTo(descriptor) || !defaults.TryGetValue(option.Name, out var usual))
                continue;
            var value = buffer[..option.LengthBytes];
            if (ForeignSockets.TryGet(descriptor.Socket, option.Level, option.Number, value) && (option.Scope == SocketScope.Always || !value.SequenceEqual(usual)))
                options.Add(new SocketOptionValue { Name = option.Name, Value = ByteString.CopyFrom(value) });
        }

        return options;
    }

    private static Dictionary<string, byte[]> ReadDefaults(AddressFamily family)
    {
        var defaults = new Dictionary<string, byte[]>();
        try
        {
            using var socket = new Socket(family, SocketType.Stream, ProtocolType.Tcp);
            foreach (var option in SocketOption.All)
            {
                var value = new byte[option.LengthBytes];
                if (ForeignSockets.TryGet(socket.SafeHandle, option.Level, option.Number, value))
                    defaults[option.Name] = value;
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressFamilyNotSupported)
        {
            // Then the process has no such socket either.
        }

        return defaults;
    }

    private static string Text(ByteString value) => System.Text.Encoding.ASCII.GetString(value.Span).TrimEnd('\0');

    private static CheckpointException Refused(string what, Exception? inner = null) =>
        new("restore", CheckpointCode.ImageRefused, $"The images are not acceptable: {Name} {what}. Move the process again; both nodes should run the same version of Twins.", inner: inner);
}
