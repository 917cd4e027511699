using System.Net.NetworkInformation;
using Twins.Capture;
using Twins.Packets;

namespace Twins.Cli.Capturing.Linux;

/// <summary>The addresses of this machine: what has one as its source left it.</summary>
internal sealed class LocalAddresses
{
    private readonly HashSet<InternetAddress> _addresses;

    private LocalAddresses(HashSet<InternetAddress> addresses) => _addresses = addresses;

    /// <summary>As they are now.</summary>
    public static LocalAddresses Read() => new([.. NetworkInterface.GetAllNetworkInterfaces()
        .SelectMany(one => one.GetIPProperties().UnicastAddresses).Select(address => InternetAddress.FromIPAddress(address.Address))]);

    public FrameDirection DirectionOf(CapturedFrame frame)
    {
        PacketDecoder.Decode(frame.Interface.LinkType, frame.Octets, out PacketFacts? facts);
        if (facts is null)
            return FrameDirection.Unknown;
        return _addresses.Contains(facts.Source.Address) ? FrameDirection.Outbound
            : _addresses.Contains(facts.Destination.Address) ? FrameDirection.Inbound : FrameDirection.Unknown;
    }
}
