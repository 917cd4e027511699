namespace Twins.Manager.Access;

/// <summary>What a method of the local API asks of its caller.</summary>
internal enum AccessLevel
{
    /// <summary>Root or a member of the group <c>twins</c>.</summary>
    Read,

    /// <summary>Root.</summary>
    Change,
}
