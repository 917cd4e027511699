namespace Twins.Capture;

/// <summary>LINKTYPE_ values (tcpdump.org/linktypes.html) that are understood.</summary>
internal static class LinkType
{
    public const int Null = 0;
    public const int Ethernet = 1;
    public const int Loop = 108;
    public const int LinuxCooked = 113;
    public const int LinuxCooked2 = 276;
}
