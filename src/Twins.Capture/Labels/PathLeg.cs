namespace Twins.Capture;

/// <summary>A part of a connection's way.</summary>
public enum PathLeg
{
    /// <summary>Not known.</summary>
    Unknown = 0,

    /// <summary>P:q and H:p: between the peer and home, whether the process is there or not.</summary>
    PeerHome,

    /// <summary>H:r and N:n: between home and host.</summary>
    HomeHost,

    /// <summary>P:q and H:p inside the host: between its twin and the cabin.</summary>
    HostCabin,
}
