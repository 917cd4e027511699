using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Twins.Diversion.Linux;
using Twins.Manager.Home;
using Twins.Manager.Registry;
using Twins.Packets;
using Twins.Table;

namespace Twins.Manager.Explaining;

/// <content>Routes and neighbours, by ip(8): towards the peers from home, between home and host.</content>
internal sealed partial class NodeChecks
{
    private const int MostAddresses = 16;

    private async Task CheckWaysAsync(FindingList findings, ProcessRecord record, HomeProcess? atHome, CancellationToken cancellation)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var wanted = new HashSet<InternetAddress>();
        if (record.HomeNode == identity.Name)
        {
            var tuples = atHome is { Connections.Count: > 0 } ? atHome.Connections.ToList().Select(c => c.ToTuple())
                : processes.TryReadEndpoints(record)?.Connections.Select(c => c.ToTuple()) ?? [];
            wanted.UnionWith(tuples.Select(t => t.Destination.Address));
        }

        foreach (var leg in (atHome?.HostLegs.ToList() ?? []).Concat(host.Find(record.Id)?.Flows.Values.Select(f => f.HomeLeg).ToList() ?? []))
            wanted.Add(leg.ToEndpoint().Address);
        var good = new List<string>();
        foreach (var address in wanted.Take(MostAddresses))
        {
            if (await CheckWayAsync(findings, address, cancellation) is { } way)
                good.Add(way);
        }

        if (good.Count > 0)
            findings.Ok("ways", string.Join("; ", good));
        if (wanted.Count > MostAddresses)
            findings.Ok("ways", $"{wanted.Count - MostAddresses} more addresses were not looked at");
    }

    /// <summary>The way, or null when something is wrong with it.</summary>
    private static async Task<string?> CheckWayAsync(FindingList findings, InternetAddress address, CancellationToken cancellation)
    {
        var (route, problem) = await AskAsync(["-j", "route", "get", address.ToString()], cancellation);
        if (route is not { } found || Member(found, "dev") is not { } device)
        {
            findings.Fail("route", $"there is no way to {address}: {problem}", $"Add a route (ip route add), or bring the interface up (ip link). ip route get {address} tells when it works.");
            return null;
        }

        if (Member(found, "type") is "blackhole" or "unreachable" or "prohibit")
        {
            findings.Fail("route", $"the route to {address} is '{Member(found, "type")}': packets end there", $"Change it: ip route get {address}");
            return null;
        }

        var next = Member(found, "gateway") ?? address.ToString();
        var (neighbour, _) = await AskAsync(["-j", "neigh", "show", next, "dev", device], cancellation);
        if (neighbour is { } known && known.TryGetProperty("state", out var states) && states.ValueKind == JsonValueKind.Array
            && states.EnumerateArray().Select(s => s.GetString()).Intersect(["FAILED", "INCOMPLETE"]).Any())
        {
            findings.Fail("neighbour", $"{next}, the next machine on the way to {address}, doesn't answer on {device}: nothing gets to it",
                "See that it runs, that cable and switch (VLAN) work, and that it has this address.");
            return null;
        }

        return $"{address} by {(next == address.ToString() ? "" : $"{next} on ")}{device}";
    }

    private static string? Member(JsonElement of, string name) => of.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String ? member.GetString() : null;

    /// <summary>The first object of the answer; the program's own words when it has none.</summary>
    private static async Task<(JsonElement? Answer, string Problem)> AskAsync(string[] arguments, CancellationToken cancellation)
    {
        NetworkNamespace.ComeBack();
        var start = new ProcessStartInfo("ip", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        try
        {
            using var process = Process.Start(start) ?? throw new Win32Exception("ip(8) could not be started");
            var errors = process.StandardError.ReadToEndAsync(cancellation);
            var output = await process.StandardOutput.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            var problem = (await errors).Trim();
            if (process.ExitCode != 0)
                return (null, problem.Length > 0 ? problem : $"ip ended with {process.ExitCode}");
            using var document = JsonDocument.Parse(output.Trim().Length == 0 ? "[]" : output);
            return document.RootElement.ValueKind == JsonValueKind.Array && document.RootElement.GetArrayLength() > 0
                ? (document.RootElement[0].Clone(), "") : (null, "ip says nothing");
        }
        catch (Exception e) when (e is Win32Exception or JsonException)
        {
            return (null, $"{e.Message} (is iproute2 installed?)");
        }
    }
}
