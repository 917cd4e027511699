namespace Twins.Manager.Cabins;

/// <summary>How cabins are made.</summary>
public sealed record CabinSettings
{
    /// <summary>Where they are mounted.</summary>
    public string Folder { get; init; } = Cabin.DefaultFolder;

    /// <summary>MTU of the device in octets, 576 to 65535: that of the interface to the home node (<see cref="Cabin.MtuOf"/>), as rewriting never changes a packet's size.</summary>
    public int Mtu { get; init; } = 1500;

    /// <summary>
    /// First port for connections that the guest opens. They appear at home with this very port, so they
    /// come out of the redirect range, which no socket there can get. Two guests of one home in two
    /// cabins can pick the same port for the same peer: home refuses the later one, as it would any pair in use.
    /// </summary>
    public int FirstPort { get; init; } = 61000;

    /// <summary>Last port for connections that the guest opens.</summary>
    public int LastPort { get; init; } = 65535;
}
