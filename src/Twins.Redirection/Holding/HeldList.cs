namespace Twins.Redirection;

/// <summary>The ends of a list of records, and what is in it.</summary>
internal struct HeldList
{
    public int First;
    public int Last;
    public int Packets;
    public long Bytes;

    public readonly long Charged => Bytes + ((long)Packets * HoldQueue.OverheadBytes);

    public static HeldList Empty => new() { First = -1, Last = -1 };
}
