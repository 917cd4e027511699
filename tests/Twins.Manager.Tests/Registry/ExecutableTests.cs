using System.Diagnostics;
using Twins.Manager.Processes;
using Twins.Manager.Registry;
using Twins.Table;

namespace Twins.Manager.Tests.Registry;

/// <summary>Which program a record names after the process executed another one (execve(2)).</summary>
[TestClass]
public sealed class ExecutableTests
{
    [TestMethod]
    public async Task ProcessThatExecutesAnotherProgram_IsNamedByIt_AndByWhatWasKnownOnceItIsGone()
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "read line; exec sleep 60"]) { RedirectStandardInput = true })!;
        try
        {
            var shell = ProcessIdentity.TryRead(process.Id)!;
            var record = new ProcessRecord { Id = "p-1", Name = "env", HomeNode = "home", CurrentNode = "home", Role = NodeRole.Home, State = ProcessState.Running, Pid = process.Id, StartTimeTicks = shell.StartTimeTicks, Executable = "/usr/bin/env" };
            Assert.AreEqual(shell.Executable, ProcessRegistry.ExecutableOf(record));

            await process.StandardInput.WriteLineAsync();
            await process.StandardInput.FlushAsync();
            while (ProcessRegistry.ExecutableOf(record) == shell.Executable)
                await Task.Delay(5);
            Assert.EndsWith("/sleep", ProcessRegistry.ExecutableOf(record));
            Assert.AreEqual("/usr/bin/env", ProcessRegistry.ExecutableOf(record with { StartTimeTicks = 1 }), "another process with its PID");

            process.Kill();
            await process.WaitForExitAsync();
            Assert.AreEqual("/usr/bin/env", ProcessRegistry.ExecutableOf(record));
        }
        finally
        {
            process.Kill();
        }
    }
}
