namespace Twins.KernelTests.Lab;

/// <summary>
/// A gate before each start of CRIU on a machine, so that a move can be brought to a standstill before its dump or its restore
/// begins. It is the real CRIU that goes through; the lab's <c>twinsd</c> starts it by <see cref="Program"/>.
/// </summary>
internal static class CriuGate
{
    private const string Closed = "/tmp/criu-gate-closed";
    private const string Turnstile = "/tmp/criu-gate-turnstile";
    private const string Trial = "/var/lib/twins/criu-probe.json";

    /// <summary>CRIU behind the gate.</summary>
    public static string Program => Repository.Rig("criu_gate.sh");

    /// <summary>What starts CRIU on this machine from now on waits; but not the probe of CRIU itself, which is made before.</summary>
    public static void Close(Machine machine)
    {
        machine.Shell($"[ -e {Trial} ] || {Repository.Cli} doctor >/dev/null 2>&1 || true; touch {Closed}");
    }

    /// <summary>As after a boot: CRIU hasn't been tried yet, and its trial, which the next migration makes, waits as well.</summary>
    public static void CloseBeforeTrial(Machine machine) => machine.Shell($"touch {Closed}; rm -f {Trial}");

    /// <summary>The one that waits goes on, and the next one waits again.</summary>
    public static void LetOnePass(Machine machine) => machine.Shell($"touch {Turnstile}; rm -f {Closed}");

    /// <summary>What waits goes on.</summary>
    public static void Open(Machine machine) => machine.Shell($"rm -f {Turnstile} {Closed}");
}
