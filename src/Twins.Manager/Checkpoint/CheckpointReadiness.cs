using Twins.Manager.Settings;

namespace Twins.Manager.Checkpoint;

/// <summary>Whether processes can be checkpointed and restored here: a real dump and restore, once for each boot and CRIU.</summary>
internal sealed class CheckpointReadiness(string criu, TwinsdOptions options)
{
    private readonly CriuProbe _probe = new(criu, options.StateDirectory, options.RunDirectory);
    private string? _version;

    /// <summary>Returns when a process can be dumped and restored here.</summary>
    /// <exception cref="CheckpointException">It can't, and why.</exception>
    public async Task CheckAsync(CancellationToken cancellation)
    {
        RequireMigrator();
        var result = await _probe.RunAsync(cancellation);
        if (!result.Works)
            throw new CheckpointException("preflight", result.Code ?? CheckpointCode.CriuFailed, $"CRIU ({criu}) can't be used: {result.Message}");
    }

    /// <summary>CRIU's version.</summary>
    /// <exception cref="CheckpointException">There is none.</exception>
    public async Task<string> VersionAsync(CancellationToken cancellation)
    {
        if (_version is not null)
            return _version;
        RequireMigrator();
        await using var checkpointer = new CriuCheckpointer(criu);
        return _version = (await checkpointer.GetVersionAsync(cancellation)).ToString();
    }

    private static void RequireMigrator()
    {
        if (OperatingSystem.IsWindows())
            throw new CheckpointException("preflight", CheckpointCode.CriuFailed, "Nothing on Windows can take an image of a process.");
    }
}
