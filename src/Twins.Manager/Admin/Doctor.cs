using System.Net;
using Twins.Manager.Cluster;
using Twins.Manager.Nodes;
using Twins.Manager.Pool;
using Twins.Manager.Registry;
using Twins.Manager.Rules;
using Twins.Manager.Settings;
using Twins.Packets;
using Twins.Protocol;

namespace Twins.Manager.Admin;

/// <summary>Checks all that a migration needs from this machine, and what earlier runs may have left.</summary>
internal sealed class Doctor(
    TwinsdOptions options, TwinPaths paths, SystemChecks system, NodeCluster cluster, TwinPool pool, DiversionRules rules, Leftovers leftovers)
{
    /// <summary>Every check with its outcome.</summary>
    public async Task<DiagnoseReply> DiagnoseAsync(bool removeLeftovers, CancellationToken cancellation)
    {
        var reply = new DiagnoseReply();
        void Add(string check, string outcome, string detail, string remedy = "") =>
            reply.Diagnoses.Add(new Diagnosis { Check = check, Outcome = outcome, Detail = detail, Remedy = outcome == "ok" ? "" : remedy });

        await system.AddAsync(Add, cancellation);
        try
        {
            Add("packet-diversion", "ok", $"packets are diverted with {rules.Check()}");
        }
        catch (Diversion.DiversionException e)
        {
            Add("packet-diversion", "failed", e.Message, system.DiversionRemedy);
        }

        AddTwins(Add);
        var space = Directory.Exists(options.ImagePath) ? options.ImagePath : options.RunDirectory;
        var free = new DriveInfo(space).AvailableFreeSpace >> 20;
        Add("image-space", free >= 64 ? "ok" : "warning", $"{free} MiB free in {space} for process images", "Free some, or set imageDirectory.");
        AddCluster(Add);
        if (cluster.Identity is { } identity)
            AddCertificate(Add, identity);
        AddLeftovers(Add, removeLeftovers);
        return reply;
    }

    private void AddCluster(AddDiagnosis add)
    {
        const string Check = "cluster";
        if (cluster.Identity is null)
        {
            add(
                Check,
                "warning",
                "this node is in no cluster, so nothing can move to or from it",
                "twins cluster init on the first node, twins cluster join on the others.");
            return;
        }

        var here = $"this is node '{cluster.Name}' at {cluster.Address}";
        if (NodeAddress.TryParse(cluster.Address, out var host, out _) && IPAddress.TryParse(host, out var address)
            && !IPAddress.IsLoopback(address) && !NodeFacts.Addresses().Contains(InternetAddress.FromIPAddress(address)))
        {
            add(
                Check,
                "warning",
                $"{here}, an address that no interface of it has, so that other nodes may not reach it",
                $"Give the address to an interface. If it was a mistake, stop twinsd, move {options.ClusterDirectory} aside, and init or join again with --address.");
            return;
        }

        add(Check, "ok", here, "");
    }

    private void AddTwins(AddDiagnosis add)
    {
        const string Check = "twin-program";
        if (!File.Exists(paths.TwinProgram))
            add(Check, "failed", $"{paths.TwinProgram} is missing", "Build or install it, or set twinPath.");
        else if (pool.Twins.Count == 0 && options.ReadyTwins > 0)
            add(Check, "failed", $"no twin runs: {paths.TwinProgram} doesn't start", $"The log of twinsd says why. {system.DiversionRemedy} See that twinPath names the twin program.");
        else
            add(Check, "ok", $"{pool.Twins.Count} twins, {pool.Twins.Count(t => t.ProcessCount == 0)} of them ready", "");
    }

    private void AddCertificate(AddDiagnosis add, ClusterIdentity identity)
    {
        const string Check = "certificate";
        var (from, until) = (identity.Certificate.NotBefore.ToUniversalTime(), identity.Certificate.NotAfter.ToUniversalTime());
        if (!identity.IsTrusted)
        {
            add(
                Check,
                "failed",
                $"not valid now, but from {from:yyyy-MM-dd} to {until:yyyy-MM-dd}: no other node talks to this one",
                $"If the clock is wrong, set it. Otherwise stop twinsd, move {options.ClusterDirectory} aside, and join again.");
            return;
        }

        add(
            Check,
            CertificateRenewal.IsDue(identity.Certificate, TimeProvider.System.GetUtcNow()) ? "warning" : "ok",
            $"valid until {until:yyyy-MM-dd}",
            "It is renewed by itself as soon as the node on which 'twins cluster init' was run can be reached.");
    }

    private void AddLeftovers(AddDiagnosis add, bool remove)
    {
        const string Check = "leftovers";
        var found = leftovers.Find();
        if (found.Count == 0)
            add(Check, "ok", "nothing was left behind", "");
        foreach (var leftover in found)
        {
            if (!remove)
            {
                add(Check, "warning", $"{leftover.What}: belongs to nothing", "twins doctor --remove-leftovers");
                continue;
            }

            try
            {
                leftover.Remove();
                add(Check, "ok", $"{leftover.What}: removed", "");
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                add(Check, "failed", $"{leftover.What}: can't be removed: {e.Message}", "Remove it by hand.");
            }
        }
    }
}
