namespace Twins.Diversion.Linux;

/// <summary>Some octets of a packet, counted from its transport header.</summary>
internal readonly record struct Field(uint Offset, uint Length);
