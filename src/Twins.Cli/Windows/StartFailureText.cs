namespace Twins.Cli.Windows;

/// <summary>What a service's own exit code says: the step at which the start of <c>twinsd</c> failed, and what to do.</summary>
internal static class StartFailureText
{
    /// <summary>Null: the code isn't one that <c>twinsd</c> has (<c>StartFailure</c>).</summary>
    public static string? Find(int code) => code switch
    {
        10 => "a setting is wrong",
        11 => "the Table of Twins can't be opened",
        12 => "the cluster's files are damaged",
        13 => "a pipe or a port can't be opened: another twinsd runs, or rights are missing",
        14 => "packets can't be diverted",
        15 => "its directory can't be made or closed to others, or somebody else has made it",
        _ => null,
    };
}
