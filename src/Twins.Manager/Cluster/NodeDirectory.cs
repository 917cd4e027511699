using System.Collections.Immutable;
using System.Text.Json;

namespace Twins.Manager.Cluster;

/// <summary>
/// Members of the cluster, this node among them, kept on disk. An entry only says where to dial: who answers there must
/// prove its name with its certificate. Thread safe; readers don't lock.
/// </summary>
internal sealed class NodeDirectory
{
    public const int MostNodes = 1024;

    private readonly Lock _lock = new();
    private readonly ClusterFiles _files;
    private ImmutableSortedDictionary<string, KnownNodeEntry> _nodes;

    public NodeDirectory(ClusterFiles files)
    {
        _files = files;
        try
        {
            _nodes = (JsonSerializer.Deserialize(files.Read(ClusterFiles.Nodes) ?? "[]", StateJson.Default.IEnumerableKnownNodeEntry) ?? [])
                .ToImmutableSortedDictionary(node => node.Name, node => node, StringComparer.Ordinal);
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            throw new ClusterException(
                $"{ClusterFiles.Nodes} in {files.Directory} is damaged: {exception.Message} Remove it; members are learnt again from any one that is put into it.",
                exception);
        }
    }

    /// <summary>By name, this node included.</summary>
    public IEnumerable<KnownNodeEntry> Nodes => Volatile.Read(ref _nodes).Values;

    public KnownNodeEntry? Find(string name) => Volatile.Read(ref _nodes).GetValueOrDefault(name);

    /// <summary>Notes a node, or a new address of one. False: name or address is malformed, or the directory is full.</summary>
    public bool TryPut(string name, string address)
    {
        if (!NodeName.IsValid(name) || !NodeAddress.TryParse(address, out _, out _))
            return false;
        lock (_lock)
        {
            var entry = new KnownNodeEntry(name, address);
            if (_nodes.TryGetValue(name, out var present) && present == entry)
                return true;
            if (present is null && _nodes.Count >= MostNodes)
                return false;
            Save(_nodes.SetItem(name, entry));
            return true;
        }
    }

    /// <summary>Notes a new node. False: there is one of that name, or as <see cref="TryPut"/>.</summary>
    public bool TryAdd(string name, string address)
    {
        lock (_lock)
            return !_nodes.ContainsKey(name) && TryPut(name, address);
    }

    /// <summary>
    /// What a member says of a node, itself or another. A member may bring a name that is new here; the address of a
    /// known one is changed only by that node itself. False: refused, nothing changed.
    /// </summary>
    public bool TryLearn(string toldBy, string name, string address) => toldBy == name
        ? TryPut(name, address)
        : TryAdd(name, address) || Find(name)?.Address == address;

    private void Save(ImmutableSortedDictionary<string, KnownNodeEntry> nodes)
    {
        _files.Write(ClusterFiles.Nodes, JsonSerializer.Serialize(nodes.Values, StateJson.Default.IEnumerableKnownNodeEntry));
        Volatile.Write(ref _nodes, nodes);
    }
}
