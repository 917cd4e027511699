using System.Runtime.CompilerServices;
using Twins.Packets;

namespace Twins.Redirection;

/// <summary>Where a held packet is, and its neighbours in the two lists that it stands in.</summary>
internal struct HeldRecord
{
    public const int ByProcess = 0;
    public const int ByFlow = 1;

    public int Process;
    public FiveTuple Tuple;
    public ulong Token;
    public ChunkPlace Place;
    public Links Neighbours;

    [InlineArray(2)]
    public struct Links
    {
        private (int Previous, int Next) _first;
    }
}
