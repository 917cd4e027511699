using Endpoint = Twins.Packets.Endpoint;

namespace Twins.Manager.Hooks;

/// <summary>What a program's hook told, or on Windows the driver. A hint to look: the system's tables say what is true.</summary>
/// <param name="Pid">Whose socket it is, as the system says (on Linux, in this node's PID namespace).</param>
/// <param name="Kind">What happened.</param>
/// <param name="Transport">Number of the IANA protocol registry: 6 TCP, 17 UDP.</param>
/// <param name="Local">
/// The local end; all zero when there is none yet. A mapped IPv4 address is given as IPv4. On Windows a connect in progress may have the
/// wildcard address here, with or without a port, though it will have another one: such an event names no connection yet. ConnectEx is
/// told a second time, complete and no longer in progress; a non-blocking connect is not.
/// </param>
/// <param name="Remote">The peer's end, likewise.</param>
/// <param name="IsInProgress">A connect that goes on in the background and may still fail.</param>
public sealed record HookEvent(int Pid, HookEventKind Kind, int Transport, Endpoint Local, Endpoint Remote, bool IsInProgress);
