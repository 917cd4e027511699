using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Cabins;

/// <summary>The persistent TUN device of a cabin (Documentation/networking/tuntap.rst): packets with a virtio_net_hdr of 10 octets before each.</summary>
internal static partial class TunDevice
{
    public const string Name = "twins0";

    private const nuint SetInterface = 0x400454ca;
    private const nuint SetPersistent = 0x400454cb;
    private const nuint SetOffload = 0x400454d0;
    private const short Tun = 0x0001;
    private const short NoPacketInformation = 0x1000;
    private const short VirtioHeader = 0x4000;
    private const int Busy = 16;

    // TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6: the guest hands over large segments with partial checksums.
    private const int Offloads = 1 | 2 | 4;

    /// <summary>Makes the device in the calling thread's namespace, or attaches to it if it is there.</summary>
    public static SafeFileHandle Open()
    {
        var handle = File.OpenHandle("/dev/net/tun", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        // struct ifreq: 16 octets of name, then the flags.
        var request = new byte[40];
        Encoding.ASCII.GetBytes(Name, request);
        BitConverter.TryWriteBytes(request.AsSpan(16), (short)(Tun | NoPacketInformation | VirtioHeader));
        if (Control(handle, SetInterface, ref request[0]) != 0
            || Control(handle, SetPersistent, 1) != 0
            || Control(handle, SetOffload, Offloads) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            handle.Dispose();
            throw new CabinException(error == Busy
                ? $"The device {Name} of the cabin is held by another program, perhaps by its twin."
                : $"Opening the TUN device {Name}: {Marshal.GetPInvokeErrorMessage(error)}. The kernel needs CONFIG_TUN and the caller CAP_NET_ADMIN.");
        }

        return handle;
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeFileHandle handle, nuint request, ref byte argument);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeFileHandle handle, nuint request, nint argument);
}
