using Twins.Packets;

namespace Twins.Redirection;

/// <summary>A host's redirect endpoint N:n. Packets from the network to it or from it that belong to no flow are dropped, on either node.</summary>
/// <param name="Protocol">TCP or UDP.</param>
/// <param name="Host">N:n.</param>
public readonly record struct Leg(IpProtocol Protocol, Endpoint Host);
