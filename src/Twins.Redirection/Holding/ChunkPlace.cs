namespace Twins.Redirection;

/// <summary>Where octets lie in a <see cref="ChunkPool"/>.</summary>
internal readonly record struct ChunkPlace(int Chunk, int Offset, int Length);
