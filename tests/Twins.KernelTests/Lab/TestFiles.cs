using System.Diagnostics;
using System.Security.Cryptography;

namespace Twins.KernelTests.Lab;

/// <summary>Programs and files that are made once per run, where every machine sees them.</summary>
internal static class TestFiles
{
    private static readonly Lazy<string> LazyEchoC = new(() =>
    {
        string program = Path.Combine(Repository.Scratch, "echo_server");
        Run("gcc", "-O2", "-Wall", "-Werror", "-o", program, Repository.Rig("echo_server.c"));
        return program;
    });

    private static readonly Lazy<string> LazyEchoDotnet = new(() =>
    {
        string directory = Path.Combine(Repository.Scratch, "EchoServer");
        Run("dotnet", "publish", Repository.Rig("EchoServer"), "--configuration", "Release", "--output", directory,
            "--disable-build-servers", "-nologo", "-verbosity:quiet");
        return Path.Combine(directory, "EchoServer");
    });

    private static readonly Lazy<WebFiles> LazyWeb = new(() =>
    {
        string directory = Directory.CreateDirectory(Path.Combine(Repository.Scratch, "web")).FullName;
        byte[] big = new byte[48 << 20];
        byte[] small = new byte[5000];
        var numbers = new Random(1);
        numbers.NextBytes(big);
        numbers.NextBytes(small);
        File.WriteAllBytes(Path.Combine(directory, "big.bin"), big);
        File.WriteAllBytes(Path.Combine(directory, "middle.bin"), big[..(4 << 20)]);
        File.WriteAllBytes(Path.Combine(directory, "small.bin"), small);
        return new WebFiles(directory, Hash(big), Hash(big[..(4 << 20)]), Hash(small));
    });

    /// <summary>An echo server in C.</summary>
    public static string EchoServerInC => LazyEchoC.Value;

    /// <summary>An echo server for .NET.</summary>
    public static string EchoServerInDotnet => LazyEchoDotnet.Value;

    /// <summary>Files for web servers.</summary>
    public static WebFiles Web => LazyWeb.Value;

    /// <summary>The command line of an nginx with two workers, which serves <see cref="Web"/>.</summary>
    public static string[] Nginx(int port)
    {
        string directory = Directory.CreateDirectory(Path.Combine(Repository.Scratch, "nginx")).FullName;
        string configuration = Write("nginx.conf", $$"""
            user root;
            daemon off;
            worker_processes 2;
            error_log stderr warn;
            pid {{directory}}/nginx.pid;
            events { worker_connections 512; }
            http {
              access_log off;
              sendfile on;
              keepalive_requests 1000000;
              client_body_temp_path {{directory}}/body;
              proxy_temp_path {{directory}}/proxy;
              fastcgi_temp_path {{directory}}/fastcgi;
              uwsgi_temp_path {{directory}}/uwsgi;
              scgi_temp_path {{directory}}/scgi;
              server { listen {{port}}; root {{Web.Directory}}; }
            }
            """);
        return ["/usr/sbin/nginx", "-c", configuration, "-e", "stderr"];
    }

    /// <summary>Writes a file that every machine sees, and gives its path.</summary>
    public static string Write(string name, string text)
    {
        string path = Path.Combine(Repository.Scratch, name);
        File.WriteAllText(path, text);
        return path;
    }

    private static string Hash(byte[] data) => Convert.ToHexStringLower(SHA256.HashData(data));

    private static void Run(string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, $"{file} {string.Join(' ', arguments)}\n{output}\n{error.Result}");
    }
}
