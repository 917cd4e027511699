namespace Twins.Manager.Hooks;

/// <summary>Where hooks' messages come in: a datagram socket on Linux, a named pipe on Windows. Disposing it ends it and removes its name.</summary>
internal interface IHookTransport : IDisposable
{
    /// <summary>What one message is called when it is refused: "a datagram to the hook socket".</summary>
    string MessageName { get; }

    /// <summary>Connections that were ended to make room for others.</summary>
    long Displaced { get; }

    /// <summary>Begins to hand on what comes in. Called once.</summary>
    /// <param name="receive">Told each message; several threads may call it at once, for different senders.</param>
    /// <param name="ended">Told, once, when nothing more will come: with the failure, or null after disposal.</param>
    void Start(HookReceiver receive, Action<Exception?> ended);
}
