using Twins.Packets;

namespace Twins.Table;

/// <summary>A listening endpoint of a process.</summary>
/// <param name="Protocol">TCP or UDP.</param>
/// <param name="Local">H:p, never a wildcard: one listener for each address that it covers.</param>
public readonly record struct ListenerRecord(IpProtocol Protocol, Endpoint Local);
