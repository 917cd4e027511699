using System.Net.Sockets;
using System.Text;
using Twins.Manager.Checkpoint;
using Twins.Manager.Processes;

namespace Twins.Manager.Tests.Checkpoint;

internal static class CriuFixture
{
    public static string Path { get; } = Find();

    /// <summary>The letter of proc(5); null if there is no such process.</summary>
    public static char? State(int pid) => ProcessStat.TryRead(pid, out var stat) ? stat.State : null;

    public static CriuCheckpointer Create() => new(Path);

    /// <summary>Sends a line and waits for its echo.</summary>
    public static void Echo(Socket client, string text)
    {
        client.Send(Encoding.ASCII.GetBytes(text));
        Assert.AreEqual(text, Receive(client, text.Length));
    }

    public static string Receive(Socket client, int length)
    {
        var buffer = new byte[length];
        for (var got = 0; got < length;)
        {
            var n = client.Receive(buffer.AsSpan(got));
            Assert.AreNotEqual(0, n, "the connection was closed");
            got += n;
        }

        return Encoding.ASCII.GetString(buffer);
    }

    /// <summary>Waits until the condition holds; fails after ten seconds.</summary>
    public static void Eventually(Func<bool> condition, string what)
    {
        Assert.IsTrue(SpinWait.SpinUntil(() => condition() || Nap(), TimeSpan.FromSeconds(10)), what);
        static bool Nap()
        {
            Thread.Sleep(1);
            return false;
        }
    }

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = System.IO.Path.Combine(folder.FullName, "build/criu/criu");
            if (File.Exists(candidate))
                return candidate;
        }

        return CriuCheckpointer.Locate(null);
    }
}
