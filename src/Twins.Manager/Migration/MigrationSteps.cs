namespace Twins.Manager.Migration;

/// <summary>Names of the steps, as progress, results and failures show them.</summary>
internal static class MigrationSteps
{
    public const string Preflight = "preflight";
    public const string Prepare = "prepare";
    public const string Hold = "hold";
    public const string Checkpoint = "checkpoint";
    public const string Transfer = "transfer";
    public const string Restore = "restore";
    public const string Commit = "commit";
    public const string Release = "release";

    /// <summary>A redirection for another migrator, as history shows it.</summary>
    public const string Redirect = "redirect";

    /// <summary>What the identifiers of such redirections begin with.</summary>
    public const string RedirectPrefix = "r-";
}
