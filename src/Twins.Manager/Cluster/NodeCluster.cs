using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Twins.Manager.Settings;

namespace Twins.Manager.Cluster;

/// <summary>
/// This node's membership: nothing until <see cref="Init"/> or <see cref="JoinAsync"/>, then its identity and, on the node
/// that made the cluster, the authority. Thread safe; the current identity is one volatile reference.
/// </summary>
internal sealed class NodeCluster : IDisposable
{
    /// <summary>Why a node without a cluster can't do something.</summary>
    public const string InNone = "This node is in no cluster. Run 'twins cluster init' or 'twins cluster join' first.";

    public static readonly TimeSpan DefaultTokenLifetime = TimeSpan.FromMinutes(30);
    public static readonly TimeSpan LongestTokenLifetime = TimeSpan.FromDays(1);

    private readonly SemaphoreSlim _changing = new(1);
    private readonly ClusterFiles _files;
    private readonly TwinsdOptions _options;
    private readonly TimeProvider _time;
    private volatile ClusterIdentity? _identity;
    private volatile ClusterAuthority? _authority;

    /// <exception cref="ClusterException">The cluster's files are damaged.</exception>
    public NodeCluster(ClusterFiles files, NodeDirectory directory, TokenStore tokens, TwinsdOptions options, TimeProvider time)
    {
        _files = files;
        _options = options;
        _time = time;
        Directory = directory;
        Tokens = tokens;
        _identity = ClusterIdentity.Load(files);
        _authority = ClusterAuthority.Load(files);
    }

    public NodeDirectory Directory { get; }

    public TokenStore Tokens { get; }

    /// <summary>Null: the node is in no cluster.</summary>
    public ClusterIdentity? Identity => _identity;

    /// <summary>Null: another node made the cluster.</summary>
    public ClusterAuthority? Authority => _authority;

    /// <summary>This node's name: that of its certificate, or the settings' before there is one.</summary>
    public string Name => _identity?.Name ?? _options.NodeName;

    /// <summary>host:port of this node's API; empty: the node is in no cluster.</summary>
    public string Address => Directory.Find(Name)?.Address ?? "";

    /// <summary>Makes a cluster with this node as its first. Empty name or address: the settings', or else the host's.</summary>
    /// <exception cref="ClusterException">The node is in a cluster, name or address can't be used, files can't be written.</exception>
    public ClusterIdentity Init(string name = "", string address = "")
    {
        _changing.Wait();
        try
        {
            var (node, at) = Check(name, address);
            var authority = ClusterAuthority.Create(_time);
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var issued = authority.Issue(node, new PublicKey(key), _time);
            var identity = new ClusterIdentity(CertificatePem.ForTls(issued.CopyWithPrivateKey(key)), authority.Certificate);
            authority.Save(_files);
            Become(identity, [new KnownNodeEntry(node, at)]);
            _authority = authority;
            return identity;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>A token that lets one node join within <paramref name="lifetime"/> (at most a day).</summary>
    /// <exception cref="ClusterException">This node has not the authority, or too many tokens are out.</exception>
    public string CreateToken(TimeSpan lifetime, out DateTimeOffset expires)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(lifetime, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lifetime, LongestTokenLifetime);
        if (_authority is not { } authority)
        {
            throw new ClusterException(_identity is null
                ? "This node is in no cluster. Run 'twins cluster init' first."
                : "This node has not the cluster's authority. Run 'twins cluster token' on the node where 'twins cluster init' was run.");
        }

        if (!NodeAddress.TryParse(Address, out var host, out var port))
            throw new ClusterException($"The directory of {_files.Directory} has no address of this node. Restore nodes.json.");
        var secret = Tokens.Create(lifetime, out expires);
        var fingerprint = SHA256.HashData(authority.Certificate.RawData);
        return new JoinToken(NodeAddress.Format(host, port + 1), fingerprint, secret).Encode();
    }

    /// <summary>Makes this node a member of the cluster that the token is of.</summary>
    /// <exception cref="ClusterException">The token is refused or malformed, the node can't be reached, or as <see cref="Init"/>.</exception>
    public async Task<ClusterIdentity> JoinAsync(string token, string name, string address, CancellationToken cancellationToken)
    {
        if (!JoinToken.TryParse(token, out var parsed))
            throw new ClusterException("The token is no join token. Copy it whole from 'twins cluster token'.");
        await _changing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var (node, at) = Check(name, address);
            var joined = await JoinClient.JoinAsync(parsed!, node, at, _options.NodeCallDeadline, cancellationToken).ConfigureAwait(false);
            Become(joined.Identity, [.. joined.Nodes, new KnownNodeEntry(node, at)]);
            return joined.Identity;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Goes on with a newer certificate for the same key. A crash leaves the old one or the new one.</summary>
    /// <exception cref="ClusterException">It isn't this node's, not valid now, or can't be written.</exception>
    public void Renew(X509Certificate2 certificate)
    {
        _changing.Wait();
        try
        {
            var renewed = (_identity ?? throw new ClusterException("This node is in no cluster.")).With(certificate);
            _files.Write(ClusterFiles.NodeCertificate, renewed.Certificate.ExportCertificatePem());
            _identity = renewed;
        }
        finally
        {
            _changing.Release();
        }
    }

    public void Dispose()
    {
        _changing.Dispose();
        _authority?.Dispose();
    }

    private static string FirstAddress() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(network => network.OperationalStatus == OperationalStatus.Up && network.NetworkInterfaceType != NetworkInterfaceType.Loopback)
        .SelectMany(network => network.GetIPProperties().UnicastAddresses)
        .Select(unicast => unicast.Address)
        .Where(address => !address.IsIPv6LinkLocal && !IPAddress.IsLoopback(address))
        .OrderBy(address => address.AddressFamily == AddressFamily.InterNetwork ? 0 : 1)
        .FirstOrDefault()?.ToString() ?? throw new ClusterException("This node has no address but loopback. Name one with --address.");

    private (string Name, string Address) Check(string name, string address)
    {
        if (_identity is { } present)
        {
            throw new ClusterException(
                $"This node is in a cluster already, as {present.Name}. To leave it, stop twinsd and move {_files.Directory} aside.");
        }

        if (name.Length == 0)
            name = _options.NodeName;
        if (!NodeName.IsValid(name))
            throw new ClusterException($"'{name}' can't be a node's name; allowed: {NodeName.Allowed}. Give one with --node.");
        if (address.Length == 0)
            address = _options.Address.Length > 0 ? _options.Address : FirstAddress();
        if (!NodeAddress.TryParse(address, out _, out _))
            address = NodeAddress.Format(address.Trim('[', ']'), _options.ApiPort);
        return NodeAddress.TryParse(address, out var host, out var port) && !(IPAddress.TryParse(host, out var ip) && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any)))
            ? (name, NodeAddress.Format(host, port))
            : throw new ClusterException($"'{address}' can't be a node's address; allowed: HOST or HOST:PORT that other nodes can reach.");
    }

    private void Become(ClusterIdentity identity, IEnumerable<KnownNodeEntry> nodes)
    {
        foreach (var node in nodes)
            Directory.TryPut(node.Name, node.Address);
        identity.Save(_files);
        _identity = identity;
    }
}
