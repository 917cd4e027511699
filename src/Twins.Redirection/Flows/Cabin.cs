using Twins.Packets;

namespace Twins.Redirection;

/// <summary>A cabin whose process may open connections: their flows are asked for. Without this entry what opens one is dropped.</summary>
/// <param name="Index">The cabin's index, as in <see cref="Side.Cabin"/>.</param>
/// <param name="Home">H, the only source address that the cabin may use.</param>
/// <param name="Process">The mobile process's slot.</param>
public sealed record Cabin(int Index, InternetAddress Home, int Process);
