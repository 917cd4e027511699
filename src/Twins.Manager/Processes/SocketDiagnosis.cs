using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Twins.Diversion;
using Twins.Diversion.Linux;

namespace Twins.Manager.Processes;

/// <summary>Dumps of the kernel's socket diagnosis (sock_diag(7)), which CRIU needs as well.</summary>
internal static class SocketDiagnosis
{
    private const int HeaderBytes = 16; // struct nlmsghdr
    private const ushort SockDiagByFamily = 20;
    private const ushort RequestAndDump = 0x301;
    private const ushort Error = 2, Done = 3;

    /// <summary>Takes a message, without its netlink header.</summary>
    public delegate void Taker(ReadOnlySpan<byte> message);

    /// <summary>Asks in the network namespace of a process, one request after the other.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="requests">Each a struct of sock_diag(7), without a netlink header.</param>
    /// <param name="take">Called for each message of the answers, in order.</param>
    /// <exception cref="Win32Exception">The kernel refused: no CAP_SYS_ADMIN for another namespace, or no diagnosis of this kind of socket.</exception>
    /// <exception cref="IOException">The process has ended.</exception>
    public static void Dump(int pid, IReadOnlyList<byte[]> requests, Taker take)
    {
        var network = FormattableString.Invariant($"/proc/{pid}/ns/net");
        var isOurs = ProcFile.ReadLink(network) == ProcFile.ReadLink("/proc/thread-self/ns/net");
        try
        {
            NetworkNamespace.Run(isOurs ? null : network, () => Dump(requests, take));
        }
        catch (DiversionException) when (ProcFile.ReadLink(network) is null)
        {
            throw new IOException(FormattableString.Invariant($"Process {pid} has ended."));
        }
        catch (DiversionException exception)
        {
            throw new Win32Exception(exception.NativeCode, exception.Message);
        }
    }

    private static void Dump(IReadOnlyList<byte[]> requests, Taker take)
    {
        var descriptor = Native.Socket(Native.NetlinkFamily, Native.RawType | Native.CloseOnExec, Native.SockDiagProtocol);
        if (descriptor < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        using var socket = new SafeFileHandle(descriptor, ownsHandle: true);
        var buffer = new byte[64 * 1024];
        foreach (var request in requests)
        {
            var message = new byte[HeaderBytes + request.Length];
            BinaryPrimitives.WriteInt32LittleEndian(message, message.Length);
            BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(4), SockDiagByFamily);
            BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(6), RequestAndDump);
            request.CopyTo(message, HeaderBytes);
            if (Native.Send(socket, message, message.Length, 0) != message.Length)
                throw new Win32Exception(Marshal.GetLastPInvokeError());
            int received;
            do
            {
                received = (int)Native.Receive(socket, buffer, buffer.Length, 0);
                if (received <= 0)
                    throw new Win32Exception(Marshal.GetLastPInvokeError());
            }
            while (TakeAll(buffer.AsSpan(0, received), take));
        }
    }

    /// <summary>Takes the messages of one datagram; false after the last of the dump.</summary>
    private static bool TakeAll(ReadOnlySpan<byte> datagram, Taker take)
    {
        while (datagram.Length >= HeaderBytes)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(datagram);
            if (length < HeaderBytes || length > datagram.Length)
                return true;
            switch (BinaryPrimitives.ReadUInt16LittleEndian(datagram[4..]))
            {
                case Done:
                    return false;
                case Error:
                    throw new Win32Exception(-BinaryPrimitives.ReadInt32LittleEndian(datagram[HeaderBytes..]));
                default:
                    take(datagram[HeaderBytes..length]);
                    break;
            }

            datagram = datagram[Math.Min(Align(length), datagram.Length)..];
        }

        return true;
    }

    /// <summary>Netlink pads messages and attributes to four octets.</summary>
    public static int Align(int length) => (length + 3) & ~3;
}
