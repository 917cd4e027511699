using System.Net.NetworkInformation;
using Twins.Diversion;
using Twins.Diversion.Linux;
using Twins.Packets;

namespace Twins.Manager.Cabins;

/// <summary>
/// A network namespace on the host node in which a guest process still sees its home address: the
/// addresses on its loopback, everything else through the TUN device <c>twins0</c>. It outlives this
/// program: the namespace by its mount point, the device by being persistent. It ends when it has been
/// removed and the guest's last socket and the device's last descriptor are closed. Thread-safe.
/// </summary>
public sealed class Cabin
{
    /// <summary>Its only way out.</summary>
    public const string DeviceName = "twins0";

    /// <summary>Where cabins are mounted.</summary>
    public const string DefaultFolder = "/run/twins/cabins";

    private Cabin(string id, string path)
    {
        Id = id;
        NamespacePath = path;
    }

    /// <summary>The name it was made with.</summary>
    public string Id { get; }

    /// <summary>The namespace's mount point: what a migrator restores into.</summary>
    public string NamespacePath { get; }

    /// <summary>Makes a cabin.</summary>
    /// <param name="id">Letters, digits, dots, dashes and underscores; not used by another cabin.</param>
    /// <param name="homeAddresses">The addresses that the guest's endpoints are bound to.</param>
    /// <param name="settings">Device and port settings.</param>
    /// <param name="device">The TUN device: for the twin, and to be kept open here, so that the device keeps its carrier when the twin dies.</param>
    /// <exception cref="IOException">There is a cabin of that name.</exception>
    /// <exception cref="CabinException">A step failed; nothing is left behind.</exception>
    public static Cabin Create(string id, IReadOnlyCollection<InternetAddress> homeAddresses, CabinSettings settings, out FileDescriptor device)
    {
        var cabin = new Cabin(id, PathOf(id, settings.Folder));
        NetworkNamespace.ComeBack();
        var sysctls = CabinSysctl.Read();
        NetworkNamespace.Create(cabin.NamespacePath);
        try
        {
            device = NetworkNamespace.Run(cabin.NamespacePath, () =>
            {
                CabinSysctl.Write(sysctls, settings);
                return Tun.Create(DeviceName);
            });
            CabinCommands.Run(cabin.NamespacePath, homeAddresses, settings.Mtu);
            return cabin;
        }
        catch
        {
            cabin.Remove();
            throw;
        }
    }

    /// <summary>The cabins that are there, also those that an earlier run of this program made.</summary>
    public static IReadOnlyList<Cabin> List(string folder = DefaultFolder) => !Directory.Exists(folder)
        ? []
        : [.. Directory.EnumerateFiles(folder).Where(NetworkNamespace.IsMounted).Order(StringComparer.Ordinal).Select(path => new Cabin(Path.GetFileName(path), path))];

    /// <summary>Opens the device of a cabin that exists, after a restart of this program. It has one queue: whoever holds it has to close it first.</summary>
    /// <exception cref="CabinException">The device is held by another program.</exception>
    public FileDescriptor OpenDevice()
    {
        try
        {
            return Tun.Create(DeviceName, NamespacePath);
        }
        catch (DiversionException e)
        {
            throw new CabinException($"The device {DeviceName} of cabin {Id} can't be opened: {e.Message}");
        }
    }

    /// <summary>Removes the cabin; a guest that still runs in it keeps the namespace until it ends, unreachable. Idempotent.</summary>
    public void Remove() => NetworkNamespace.Remove(NamespacePath);

    /// <summary>The MTU of the interface that has the address; 1500 if there is none.</summary>
    public static int MtuOf(InternetAddress nodeAddress)
    {
        var address = nodeAddress.ToIPAddress();
        foreach (var nic in NetworkInterface.GetAllNetworkInterfaces())
        {
            if (nic.GetIPProperties().UnicastAddresses.Any(unicast => unicast.Address.Equals(address)))
                return CabinCommands.ReadMtu(nic.Name);
        }

        return 1500;
    }

    private static string PathOf(string id, string folder)
    {
        if (id.Length is 0 or > 64 || id[0] == '.' || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_'))
            throw new ArgumentException($"'{id}' can't be the name of a cabin.", nameof(id));
        return Path.Combine(folder, id);
    }
}
