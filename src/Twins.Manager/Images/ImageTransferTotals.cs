namespace Twins.Manager.Images;

/// <summary>What a transfer carried.</summary>
/// <param name="Files">Files, side files included.</param>
/// <param name="PlainBytes">Octets of the files.</param>
/// <param name="WireBytes">Octets after compression, without message headers.</param>
public readonly record struct ImageTransferTotals(long Files, long PlainBytes, long WireBytes);
