namespace Twins.Manager.Admin;

/// <summary>What an operating system needs of its own.</summary>
internal abstract class SystemChecks
{
    /// <summary>What to do when packets can't be diverted.</summary>
    public abstract string DiversionRemedy { get; }

    /// <summary>Every check with its outcome.</summary>
    public abstract Task AddAsync(AddDiagnosis add, CancellationToken cancellation);
}
