namespace Twins.Capture;

/// <summary>Whose a packet is, and where on its way it is.</summary>
/// <param name="Process">The mobile process's name; empty if that isn't known.</param>
/// <param name="Connection">The connection; null if it isn't known.</param>
/// <param name="Leg">The part of the way.</param>
/// <param name="ToProcess">Whether it goes to the process; false: to the peer.</param>
public sealed record PacketLabel(string Process, Connection? Connection, PathLeg Leg, bool ToProcess);
