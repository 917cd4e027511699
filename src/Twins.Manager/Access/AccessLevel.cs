namespace Twins.Manager.Access;

/// <summary>What a method of the local API asks of its caller.</summary>
internal enum AccessLevel
{
    /// <summary>Root or a member of the group <c>twins</c>; on Windows an administrator or a member of <c>Twins Operators</c>.</summary>
    Read,

    /// <summary>Root; on Windows an administrator. Each call is written to the audit log.</summary>
    Change,

    /// <summary>As <see cref="Change"/>, but nothing is changed, and so nothing is written down.</summary>
    Inspect,

    /// <summary>The admin page's program, whoever is logged in there; root too.</summary>
    Page,
}
