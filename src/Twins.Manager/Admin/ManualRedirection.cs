using Twins.Manager.Home;
using Twins.Manager.Nodes;
using Twins.Manager.Registry;
using Twins.Protocol;
using Twins.Table;

namespace Twins.Manager.Admin;

/// <summary>Holding and releasing by hand, for other people's migrators.</summary>
internal sealed class ManualRedirection(ProcessRegistry registry, ProcessInspector processes, HomeRole home, NodeMap nodes)
{
    /// <summary>Holds all that comes in for the process, and silences its sockets.</summary>
    public async Task<ProcessRecord> HoldAsync(ProcessRecord record)
    {
        if (record.State == ProcessState.Held)
            return record;
        RequireAtHome(record);
        var endpoints = processes.TryReadEndpoints(record) ?? EndpointSet.Empty;
        await home.HoldAsync(
            new HoldEndpointsRequest
            {
                ProcessId = record.Id,
                Epoch = record.Epoch,
                Connections = { endpoints.Connections },
                Listeners = { endpoints.Listeners },
            },
            CancellationToken.None);
        registry.TryMark(record, ProcessState.Held, "Held by hand; 'twins release' lets the packets go.");
        return registry.FindById(record.Id) ?? record;
    }

    /// <summary>Sends what is held, and all that follows, to a node whose cabin holds the process.</summary>
    public Task<ProcessRecord> RedirectAsync(ProcessRecord record, string address, CancellationToken cancellation) =>
        throw new NodeException(record.HomeNode, "not-available", $"Redirecting '{record.Name}' to {address} by hand isn't available in this version.");

    /// <summary>Gives what is held to the process at home; what follows passes untouched.</summary>
    public async Task<ProcessRecord> ReleaseAsync(ProcessRecord record)
    {
        if (record.State != ProcessState.Held)
            throw new NodeException(record.HomeNode, "not-held", $"'{record.Name}' isn't held by hand; there is nothing to release.");
        await home.CancelHoldAsync(new CancelHoldRequest { ProcessId = record.Id, Epoch = record.Epoch }, CancellationToken.None);
        registry.TryMark(record, ProcessState.Running);
        return registry.FindById(record.Id) ?? record;
    }

    private void RequireAtHome(ProcessRecord record)
    {
        if (record.State != ProcessState.Running || record.CurrentNode != record.HomeNode || record.HomeNode != nodes.Self)
            throw new NodeException(record.HomeNode, "not-at-home", $"'{record.Name}' is {ProcessRegistry.StateName(record.State)} on node '{record.CurrentNode}'; only a process that runs at its home can be held by hand, there.");
    }
}
