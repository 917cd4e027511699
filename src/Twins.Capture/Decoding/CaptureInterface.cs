namespace Twins.Capture;

/// <summary>Where frames were captured.</summary>
/// <param name="Name">Such as <c>eth0</c>; <see cref="TwinName"/> for what a twin has told of.</param>
/// <param name="LinkType">The LINKTYPE_ value of its frames (tcpdump.org/linktypes.html).</param>
/// <param name="SnapLength">Octets that were kept of a frame at most, before it was cut where its data begin; 0: all.</param>
public sealed record CaptureInterface(string Name, int LinkType, int SnapLength)
{
    /// <summary>LINKTYPE_RAW: frames begin with the IP header.</summary>
    public const int RawIp = 101;

    /// <summary>The name of the interface that a twin's packets are put to.</summary>
    public const string TwinName = "twin";

    /// <summary>Whether its packets are a twin's, not an interface's.</summary>
    public bool IsTwin => Name == TwinName;
}
