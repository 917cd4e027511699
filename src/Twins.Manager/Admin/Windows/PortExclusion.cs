namespace Twins.Manager.Admin;

/// <summary>Ports that Windows gives to no program of its own choice.</summary>
/// <param name="First">First of them.</param>
/// <param name="Last">Last of them.</param>
/// <param name="IsAdministered">Whether an administrator excluded them; otherwise a part of Windows keeps them for itself, such as the NAT of containers, WSL and Hyper-V.</param>
internal readonly record struct PortExclusion(int First, int Last, bool IsAdministered);
