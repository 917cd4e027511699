using System.Collections.Frozen;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Twins.Packets;

namespace Twins.Diversion.Windows;

/// <summary>The addresses of this machine and the interfaces that have them, kept up to date. Thread safe.</summary>
internal sealed class LocalInterfaces : IDisposable
{
    private volatile FrozenDictionary<InternetAddress, uint> _indexes;

    public LocalInterfaces()
    {
        NetworkChange.NetworkAddressChanged += OnChanged;
        _indexes = Read();
    }

    /// <summary>The index of the interface with an address; null: it isn't one of this machine's.</summary>
    public uint? Find(InternetAddress address) => _indexes.TryGetValue(address, out var index) ? index : null;

    public void Dispose() => NetworkChange.NetworkAddressChanged -= OnChanged;

    private void OnChanged(object? sender, EventArgs e) => _indexes = Read();

    private static FrozenDictionary<InternetAddress, uint> Read()
    {
        var indexes = new Dictionary<InternetAddress, uint>();
        foreach (var device in NetworkInterface.GetAllNetworkInterfaces())
        {
            var properties = device.GetIPProperties();
            foreach (var unicast in properties.UnicastAddresses)
            {
                var isIPv4 = unicast.Address.AddressFamily == AddressFamily.InterNetwork;
                var index = isIPv4
                    ? device.Supports(NetworkInterfaceComponent.IPv4) ? properties.GetIPv4Properties().Index : 0
                    : device.Supports(NetworkInterfaceComponent.IPv6) ? properties.GetIPv6Properties().Index : 0;
                indexes.TryAdd(InternetAddress.FromIPAddress(unicast.Address), (uint)index);
            }
        }

        return indexes.ToFrozenDictionary();
    }
}
