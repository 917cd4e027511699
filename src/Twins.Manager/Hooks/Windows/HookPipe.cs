namespace Twins.Manager.Hooks.Windows;

/// <summary>
/// Hooks' messages through a named pipe, one connection per process. Anybody on this machine may connect, so places are bounded, and
/// nobody can hold one: when few are left, whoever has been silent for longest is parted from. A hook that this happens to connects
/// again with its next message. Who sends what is no message is parted from at once.
/// </summary>
internal sealed class HookPipe : IHookTransport
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly HookPipeInstance[] _instances;
    private readonly int _mostClients;
    private Task _serving = Task.CompletedTask;
    private long _displaced;

    /// <param name="path">Begins with \\.\pipe\.</param>
    /// <param name="instances">Clients that can be connected at a time, 2 to 254; an eighth of them, at least one, is kept free for new ones.</param>
    /// <exception cref="IOException">The name is taken or no name of a pipe.</exception>
    public HookPipe(string path, int instances = HookPipeInstance.Most)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(instances, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(instances, HookPipeInstance.Most);
        _mostClients = instances - Math.Max(1, instances / 8);
        _instances = new HookPipeInstance[instances];
        try
        {
            for (var i = 0; i < instances; i++)
                _instances[i] = HookPipeInstance.Create(path, isFirst: i == 0, instances);
        }
        catch
        {
            DisposeInstances();
            throw;
        }
    }

    /// <inheritdoc/>
    public string MessageName => "a message to the hook pipe";

    /// <inheritdoc/>
    public long Displaced => Interlocked.Read(ref _displaced);

    /// <inheritdoc/>
    public void Start(HookReceiver receive, Action<Exception?> ended) => _serving = ServeAllAsync(receive, ended);

    /// <inheritdoc/>
    public void Dispose()
    {
        _ending.Cancel();
        _serving.GetAwaiter().GetResult();
        DisposeInstances();
    }

    private async Task ServeAllAsync(HookReceiver receive, Action<Exception?> ended)
    {
        Exception? failure = null;
        try
        {
            await Task.WhenAll(_instances.Select(instance => ServeAsync(instance, receive)));
        }
        catch (OperationCanceledException)
        {
            // The end that was asked for.
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        ended(failure);
    }

    private async Task ServeAsync(HookPipeInstance instance, HookReceiver receive)
    {
        try
        {
            while (true)
            {
                var sender = await instance.ConnectAsync(_ending.Token);
                await ServeClientAsync(instance, sender, receive);
                instance.Disconnect();
            }
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // An instance that fails for no client's doing: no other one would be better.
            await _ending.CancelAsync();
            throw;
        }
    }

    private async Task ServeClientAsync(HookPipeInstance instance, HookSender sender, HookReceiver receive)
    {
        using var client = CancellationTokenSource.CreateLinkedTokenSource(_ending.Token);
        Admit(instance, client);
        try
        {
            await instance.ReadAsync(sender, receive, client.Token);
        }
        catch (IOException)
        {
            // It has gone in an unusual way.
        }
        catch (OperationCanceledException) when (!_ending.IsCancellationRequested)
        {
            // It had to make room.
        }
        finally
        {
            lock (_lock)
                instance.Client = null;
        }
    }

    private void Admit(HookPipeInstance instance, CancellationTokenSource client)
    {
        lock (_lock)
        {
            instance.Client = client;
            var connected = _instances.Where(other => other.Client is { IsCancellationRequested: false }).ToList();
            if (connected.Count <= _mostClients)
                return;
            Interlocked.Increment(ref _displaced);
            connected.MinBy(other => other.LastHeard)!.Client!.Cancel();
        }
    }

    private void DisposeInstances()
    {
        foreach (var instance in _instances)
            instance?.Dispose();
    }
}
