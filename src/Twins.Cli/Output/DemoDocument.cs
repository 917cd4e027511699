namespace Twins.Cli.Output;

// The document of `twins demo --json`.

internal sealed record DemoDocument(
    WithoutTwinsDocument? WithoutTwins, IReadOnlyList<DemoMoveDocument> Moves, IReadOnlyList<DemoClientDocument> Clients,
    bool Succeeded, string Error);

/// <param name="ClientError">What the client saw.</param>
/// <param name="Milliseconds">From the checkpoint's begin until it saw that.</param>
/// <param name="KeysMoved">How many keys redis-server has on the other machine: the program itself did move.</param>
internal sealed record WithoutTwinsDocument(
    string Program, string From, string To, string ClientError, double Milliseconds, int KeysMoved);

internal sealed record DemoMoveDocument(
    string Name, string From, string To, ulong Epoch, uint Connections, IReadOnlyList<PhaseDocument> Phases,
    double FrozenMilliseconds, double HoldMilliseconds, ulong HeldPackets, ulong HeldBytes, ulong ImageBytes,
    double SilenceMilliseconds);

internal sealed record DemoClientDocument(
    string Name, long VerifiedBytes, long Exchanges, long NewConnections, double LongestSilenceMilliseconds, string Error);
