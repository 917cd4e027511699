using System.Globalization;
using Twins.Hook.Windows.Tests.Support;
using Twins.Manager.Hooks;

namespace Twins.Hook.Windows.Tests;

/// <summary>The real hook in real programs tells the real listener.</summary>
[TestClass]
public sealed class HookedProgramTests
{
    [TestMethod]
    public async Task Connections_AreToldUnderTheProgramsOwnPid()
    {
        using var listening = new Listening();
        var (pid, _) = await listening.RunAsync("blocking");
        Assert.AreEqual(
            """
            Bind 6 127.0.0.1:7101 0.0.0.0:0
            Bind 6 127.0.0.1:7102 0.0.0.0:0
            Listen 6 127.0.0.1:7101 0.0.0.0:0
            Connect 6 127.0.0.1:7102 127.0.0.1:7101
            Accept 6 127.0.0.1:7101 127.0.0.1:7102
            Close 6 127.0.0.1:7101 127.0.0.1:7102
            Close 6 127.0.0.1:7102 127.0.0.1:7101
            Close 6 127.0.0.1:7101 0.0.0.0:0
            Bind 6 [::1]:7103 [::]:0
            Listen 6 [::1]:7103 [::]:0
            Connect 6 [::1]:* [::1]:7103
            Accept 6 [::1]:7103 [::1]:*
            Close 6 [::1]:* [::1]:7103
            Close 6 [::1]:7103 [::1]:*
            Close 6 [::1]:7103 [::]:0
            """.ReplaceLineEndings("\n"),
            await listening.NextAsync(pid, 15));
        Assert.AreEqual((0L, 0L, 0L), (listening.Listener.Refused, listening.Listener.Dropped, listening.Listener.Displaced));
    }

    [TestMethod]
    public async Task ConnectEx_IsToldTwice_FirstInProgressThenComplete()
    {
        using var listening = new Listening();
        var (pid, _) = await listening.RunAsync("overlapped");
        Assert.AreEqual(
            """
            Bind 6 127.0.0.1:7111 0.0.0.0:0
            Bind 6 127.0.0.1:7112 0.0.0.0:0
            Listen 6 127.0.0.1:7111 0.0.0.0:0
            Connect 6 127.0.0.1:7112 127.0.0.1:7111 in progress
            Connect 6 127.0.0.1:7112 127.0.0.1:7111
            Accept 6 127.0.0.1:7111 127.0.0.1:7112
            """.ReplaceLineEndings("\n"),
            await listening.NextAsync(pid, 6));
    }

    [TestMethod]
    public async Task DotNetProgram_IsToldOf()
    {
        using var listening = new Listening();
        var (pid, _) = await listening.RunProgramAsync(Environment.ProcessPath!, EntryPoint.AsDotNetProgram);
        var told = await listening.NextAsync(pid, 9);
        // Which end is told of first is chance; and .NET shuts a connection down before it closes it, so that its peer may be gone.
        Assert.AreEqual(
            """
            Accept 6 127.0.0.1:7191 127.0.0.1:7192
            Bind 6 127.0.0.1:7191 0.0.0.0:0
            Bind 6 127.0.0.1:7192 0.0.0.0:0
            Close 6 127.0.0.1:7191
            Close 6 127.0.0.1:7191
            Close 6 127.0.0.1:7192
            Connect 6 127.0.0.1:7192 127.0.0.1:7191
            Connect 6 127.0.0.1:7192 127.0.0.1:7191 in progress
            Listen 6 127.0.0.1:7191 0.0.0.0:0
            """.ReplaceLineEndings("\n"),
            string.Join('\n', told.Split('\n').Select(line => line.StartsWith("Close", StringComparison.Ordinal) ? line[..line.LastIndexOf(' ')] : line).Order(StringComparer.Ordinal)));
    }

    [TestMethod]
    public async Task Children_TellUnderTheirOwnPids()
    {
        using var listening = new Listening();
        var (_, lines) = await listening.RunAsync("parent");
        var told = new HashSet<string>();
        while (told.Count < 3)
        {
            if (await listening.NextAsync() is { Kind: HookEventKind.Bind } bind)
                told.Add($"{bind.Pid} {bind.Local.Port}");
        }

        var expected = lines.Select((pid, index) => $"{pid} {(7151 + index).ToString(CultureInfo.InvariantCulture)}");
        Assert.AreEqual(string.Join('\n', expected.Order()), string.Join('\n', told.Order()));
    }

    [TestMethod]
    public async Task HookThatHadToMakeRoom_ConnectsAgain()
    {
        using var listening = new Listening();
        var go = Path.Combine(Directory.CreateTempSubdirectory("twins-hook-").FullName, "go");
        using var program = listening.Start("patient", go);
        var pid = int.Parse((await program.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
        Assert.AreEqual("Bind 6 127.0.0.1:7181 0.0.0.0:0", await listening.NextAsync(pid, 1));

        // The hook opens the pipe at most once a second; then it is the one that has been silent for longest.
        await Task.Delay(1200);
        var crowd = Enumerable.Range(0, 300).Select(_ => listening.Connect()).ToList();
        // 254 places, of which 31 stay free for new clients.
        Manager.Tests.Processes.Wait.Until(() => listening.Listener.Displaced, displaced => displaced == 301 - 223);
        Assert.AreEqual(301 - 223, listening.Listener.Displaced);

        await File.WriteAllTextAsync(go, "");
        await program.WaitForExitAsync();
        Assert.AreEqual(3, program.ExitCode);
        Assert.AreEqual(
            """
            Bind 6 127.0.0.1:7182 0.0.0.0:0
            Close 6 127.0.0.1:7182 0.0.0.0:0
            Close 6 127.0.0.1:7181 0.0.0.0:0
            """.ReplaceLineEndings("\n"),
            await listening.NextAsync(pid, 3));
        crowd.ForEach(client => client.Dispose());
        Directory.Delete(Path.GetDirectoryName(go)!, recursive: true);
    }
}
