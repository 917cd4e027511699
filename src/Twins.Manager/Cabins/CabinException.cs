namespace Twins.Manager.Cabins;

/// <summary>A cabin could not be made or opened. The message names the step and the remedy.</summary>
public sealed class CabinException(string message, Exception? inner = null) : Exception(message, inner);
