namespace Twins.Manager.Admin;

/// <summary>The outcome of one check (<see cref="AddDiagnosis"/>).</summary>
internal readonly record struct Finding(string Outcome, string Detail, string Remedy)
{
    /// <summary>All is well.</summary>
    public static Finding Ok(string detail) => new("ok", detail, "");

    /// <summary>It works, or may, and there is something to know.</summary>
    public static Finding Warning(string detail, string remedy) => new("warning", detail, remedy);

    /// <summary>It can't work.</summary>
    public static Finding Failed(string detail, string remedy) => new("failed", detail, remedy);
}
