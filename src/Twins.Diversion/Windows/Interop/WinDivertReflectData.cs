namespace Twins.Diversion.Windows;

/// <summary>Another handle (WINDIVERT_DATA_REFLECT).</summary>
internal struct WinDivertReflectData
{
    /// <summary>When it was opened, as <see cref="WinDivertAddress.Timestamp"/>.</summary>
    public long Timestamp;

    /// <summary>Whose it is.</summary>
    public uint ProcessId;

    /// <summary>A <see cref="WinDivertLayer"/>, in 32 bits.</summary>
    public int Layer;

    /// <summary>How it was opened.</summary>
    public WinDivertFlags Flags;

    /// <summary>Its priority.</summary>
    public short Priority;
}
