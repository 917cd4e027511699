using System.Security.Cryptography;

namespace Twins.Manager.Cluster;

/// <summary>The cluster's files of this node: root's only, and whole or not there at all whatever happens while they are written.</summary>
internal sealed class ClusterFiles(string directory)
{
    public const string AuthorityCertificate = "ca.crt";
    public const string AuthorityKey = "ca.key";
    public const string NodeCertificate = "node.crt";
    public const string NodeKey = "node.key";
    public const string Nodes = "nodes.json";
    public const string Tokens = "tokens.json";

    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public string Directory { get; } = directory;

    public bool Exists(string name) => File.Exists(PathOf(name));

    /// <summary>The file's text; null if there is no such file.</summary>
    /// <exception cref="ClusterException">It can't be read.</exception>
    public string? Read(string name)
    {
        try
        {
            return Exists(name) ? File.ReadAllText(PathOf(name)) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ClusterException($"{PathOf(name)} can't be read: {exception.Message} Check that it is a file of root's.", exception);
        }
    }

    /// <summary>Writes aside, flushes to the disk, renames: a crash leaves the old file or the new one.</summary>
    /// <exception cref="ClusterException">It can't be written.</exception>
    public void Write(string name, string text)
    {
        var temporary = PathOf($".{name}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}");
        try
        {
            PrivateFolder.Create(Directory);
            using (var stream = new FileStream(temporary, NewFile()))
            {
                using var writer = new StreamWriter(stream, leaveOpen: true);
                writer.Write(text);
                writer.Flush();
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, PathOf(name), overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            throw new ClusterException($"{PathOf(name)} can't be written: {exception.Message} Make room on the disk, or give root the right.", exception);
        }
    }

    private static FileStreamOptions NewFile()
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerFile;
        return options;
    }

    private string PathOf(string name) => Path.Combine(Directory, name);
}
