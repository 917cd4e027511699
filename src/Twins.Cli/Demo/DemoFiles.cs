using Twins.Cli.Demo.Load;

namespace Twins.Cli.Demo;

/// <summary>What nginx serves and its configuration, in a directory that all lab machines see.</summary>
internal sealed class DemoFiles : IDisposable
{
    /// <summary>Length of the download; more than the demo takes at the client's rate.</summary>
    public const long DownloadBytes = 384L << 20;

    public DemoFiles()
    {
        // Not below /tmp, which each lab machine has for itself.
        Directory = System.IO.Directory.CreateDirectory($"/var/tmp/twins-demo-{Guid.NewGuid():N}").FullName;
    }

    public string Directory { get; }

    public string NginxConfiguration => Path.Combine(Directory, "nginx.conf");

    public async Task WriteAsync(CancellationToken cancellation)
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

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}
