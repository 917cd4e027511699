using System.Net.NetworkInformation;
using System.Reflection;
using System.Runtime.InteropServices;
using Twins.Manager.Checkpoint;
using Twins.Packets;

namespace Twins.Manager.Nodes;

/// <summary>What there is to know about this machine.</summary>
internal sealed class NodeFacts(CheckpointReadiness readiness)
{
    /// <summary>Version of this program.</summary>
    public static string Version { get; } =
        typeof(NodeFacts).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";

    /// <summary>Release of the running kernel, as <c>uname -r</c> has it; on Windows the system's name and version.</summary>
    public static string Kernel { get; } = OperatingSystem.IsLinux()
        ? File.ReadAllText("/proc/sys/kernel/osrelease").TrimEnd() : RuntimeInformation.OSDescription;

    /// <summary>CRIU's version, or empty when it can't be used.</summary>
    public async Task<string> CriuVersionAsync(CancellationToken cancellation)
    {
        try
        {
            return await readiness.VersionAsync(cancellation);
        }
        catch (CheckpointException)
        {
            return "";
        }
    }

    /// <summary>The addresses of this network namespace that others can reach: no loopback, no link-local ones.</summary>
    public static IReadOnlyList<InternetAddress> Addresses() =>
    [
        .. NetworkInterface.GetAllNetworkInterfaces()
            .Where(i => i.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .SelectMany(i => i.GetIPProperties().UnicastAddresses)
            .Select(a => a.Address)
            .Where(a => !a.IsIPv6LinkLocal)
            .Select(InternetAddress.FromIPAddress),
    ];
}
