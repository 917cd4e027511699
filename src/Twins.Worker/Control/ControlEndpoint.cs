namespace Twins.Worker;

/// <summary>
/// The control port, which takes connections of the user who started the twin, and of the system's. Each is served, beside the
/// others: a newcomer costs nobody the connection. They are bounded in number; where there is no more room, the oldest that
/// hasn't given a good command yet makes way, and if all have, the newcomer is turned away.
/// </summary>
internal abstract class ControlEndpoint(Action<ControlItem> post) : IDisposable
{
    /// <summary>Connections at a time.</summary>
    public const int MaximumConnections = 16;

    private readonly List<ControlConnection> _connections = [];

    protected RefusalLog Refusals { get; } = new();

    public void Start() => new Thread(AcceptAll, 256 << 10) { IsBackground = true, Name = "control accept" }.Start();

    public abstract void Dispose();

    /// <summary>Waits for the next connection of somebody who has the right to it; null when the endpoint is disposed.</summary>
    protected abstract ControlChannel? Accept();

    private void AcceptAll()
    {
        while (Accept() is { } channel)
        {
            if (!MakeRoom(channel.Peer))
            {
                channel.Dispose();
                continue;
            }

            var connection = new ControlConnection(channel, post, Refusals);
            _connections.Add(connection);
            connection.Start();
        }
    }

    private bool MakeRoom(ControlPeer newcomer)
    {
        _connections.RemoveAll(connection => !connection.IsOpen);
        if (_connections.Count < MaximumConnections)
            return true;
        if (_connections.Find(connection => !connection.IsProven) is not { } silent)
        {
            Refusals.Tell(newcomer, $"{MaximumConnections} connections are served already");
            return false;
        }

        silent.Close("it said nothing, and another one came");
        _connections.Remove(silent);
        return true;
    }
}
