using System.Globalization;
using System.Runtime.InteropServices;
using Grpc.Net.Client;
using Twins.KernelTests.Lab;
using Twins.Manager.Tests.Access;

namespace Twins.Admin.Tests;

/// <summary>Calls to a machine's <c>twinsd</c> from a user of that machine.</summary>
internal static partial class Caller
{
    /// <summary>User ID of the page's program in the lab.</summary>
    public const uint PageUser = 64459;

    private const int PathOnlyDirectory = 0x210000; // O_PATH | O_DIRECTORY

    /// <summary>A channel that is connected as that user.</summary>
    public static GrpcChannel Of(Machine machine, uint user)
    {
        // The directory is opened as root: another user may not go through /proc/PID/root.
        int directory = Open(machine.Outside("/run/twins"), PathOnlyDirectory);
        Assert.IsGreaterThanOrEqualTo(0, directory, machine.Name);
        return LocalChannel.Open(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{directory}/twinsd.sock"), user, user);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags);
}
