namespace Twins.Diversion.Windows;

/// <summary>Which interface (WINDIVERT_DATA_NETWORK). Matters for what is sent inbound; outbound the stack chooses.</summary>
internal struct WinDivertNetworkData
{
    /// <summary>The interface's index.</summary>
    public uint InterfaceIndex;

    /// <summary>The sub-interface's index.</summary>
    public uint SubInterfaceIndex;
}
