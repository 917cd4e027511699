using Twins.Cli.Demo.Load;
using Twins.Cli.Native;

namespace Twins.Cli.Demo;

/// <summary>What nginx serves and its configuration, in a directory that all lab machines see.</summary>
internal sealed class DemoFiles : IDisposable
{
    /// <summary>Length of the download; more than the demo takes at the client's rate.</summary>
    public const long DownloadBytes = 384L << 20;

    // Not below /tmp, which each lab machine has for itself.
    private const string Parent = "/var/tmp";
    private const string Prefix = "twins-demo-";
    private const string OwnerName = "owner";

    private readonly FileStream _owner;

    public DemoFiles()
    {
        Directory = System.IO.Directory.CreateDirectory($"{Parent}/{Prefix}{Guid.NewGuid():N}").FullName;
        try
        {
            _owner = Own(Directory, FileMode.CreateNew);
        }
        catch (IOException)
        {
            System.IO.Directory.Delete(Directory, recursive: true);
            throw;
        }
    }

    public string Directory { get; }

    public string NginxConfiguration => Path.Combine(Directory, "nginx.conf");

    /// <summary>Removes what demos left that were killed.</summary>
    public static void RemoveAbandoned()
    {
        // Others may make directories here too: what they own isn't touched, nor followed.
        var options = new EnumerationOptions { AttributesToSkip = FileAttributes.ReparsePoint };
        foreach (string directory in System.IO.Directory.GetDirectories(Parent, Prefix + "*", options).Where(LibC.IsOwnedByRoot))
        {
            try
            {
                using FileStream owner = Own(directory, FileMode.Open);
                System.IO.Directory.Delete(directory, recursive: true);
            }
            catch (IOException)
            {
                // Its demo lives, or it isn't a demo's.
            }
        }
    }

    /// <exception cref="CliException">They can't be written.</exception>
    public async Task WriteAsync(CancellationToken cancellation)
    {
        try
        {
            await WriteAllAsync(cancellation);
        }
        catch (IOException failure)
        {
            throw new CliException(ExitCode.Failed, "files-not-written",
                $"the demo needs {DownloadBytes >> 20} MiB in {Parent}: {failure.Message}", failure);
        }
    }

    public void Dispose()
    {
        using FileStream owner = _owner;
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    // The kernel takes the lock back when the demo ends, however it does.
    private static FileStream Own(string directory, FileMode mode) =>
        new(Path.Combine(directory, OwnerName), mode, FileAccess.ReadWrite, FileShare.None);

    private async Task WriteAllAsync(CancellationToken cancellation)
    {
        string root = System.IO.Directory.CreateDirectory(Path.Combine(Directory, "www")).FullName;
        byte[] buffer = new byte[1 << 20];
        await using (FileStream file = File.Create(Path.Combine(root, "large")))
        {
            for (long offset = 0; offset < DownloadBytes; offset += buffer.Length)
            {
                DemoContent.Fill(buffer, offset);
                await file.WriteAsync(buffer, cancellation);
            }
        }
        // The worker stays root: CRIU must be able to read its limits (see the quirks of Linux).
        await File.WriteAllTextAsync(NginxConfiguration,
            $$"""
            user root;
            daemon off;
            worker_processes 1;
            error_log stderr warn;
            pid {{Directory}}/nginx.pid;
            events { worker_connections 256; }
            http {
              access_log off;
              sendfile on;
              client_body_temp_path {{Directory}}/body;
              proxy_temp_path {{Directory}}/proxy;
              fastcgi_temp_path {{Directory}}/fastcgi;
              uwsgi_temp_path {{Directory}}/uwsgi;
              scgi_temp_path {{Directory}}/scgi;
              server { listen 8080; root {{root}}; }
            }
            """, cancellation);
    }
}
