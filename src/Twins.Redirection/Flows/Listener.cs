using Twins.Packets;

namespace Twins.Redirection;

/// <summary>A local endpoint on which a mobile process takes connections.</summary>
/// <param name="Protocol">TCP or UDP.</param>
/// <param name="Local">H:p; never a wildcard address.</param>
/// <param name="State">What happens to packets of no known flow.</param>
/// <param name="Process">The mobile process's slot.</param>
public sealed record Listener(IpProtocol Protocol, Endpoint Local, ListenerState State, int Process);
