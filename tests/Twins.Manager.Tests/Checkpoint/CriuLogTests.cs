using Twins.Manager.Checkpoint;

namespace Twins.Manager.Tests.Checkpoint;

/// <summary>What CRIU's log says, in words that a person can act on.</summary>
[TestClass]
public sealed class CriuLogTests
{
    private string Root { get; set; } = null!;

    [TestInitialize]
    public void Begin() => Root = Directory.CreateTempSubdirectory("twins-log-").FullName;

    [TestCleanup]
    public void End() => Directory.Delete(Root, recursive: true);

    [TestMethod]
    [DataRow("(00.1) Error (criu/sk-inet.c:188): inet: In-flight connection (l) for 27c4", "in-flight-connections", "Let it accept them, then try again when it is less busy")]
    [DataRow("(00.1)   4711: Error (criu/image.c:1): Unable to write: No space left on device", "disk-full", "Free space there, or set imageDirectory elsewhere")]
    [DataRow("(00.1) Error (criu/cr-restore.c:1): Can't fork for 4711: File exists", "pid-taken", "Process number 4711 is in use on this machine. Wait for that process to end")]
    [DataRow("(00.1) Error (criu/cr-restore.c:1): Pid 4712 do not match expected 4711", "pid-taken", "Process number 4711 is in use on this machine. Wait for that process to end")]
    [DataRow("(00.1) 5: Error (criu/files-reg.c:1): File usr/bin/x has bad size 5 (expect 6)", "file-differs", "The file /usr/bin/x is different on this machine: bad size 5 (expect 6). Install the same version on both nodes")]
    [DataRow("(00.1) 5: Error (criu/files-reg.c:1): Can't open file tmp/x on restore: No such file or directory", "file-missing", "The file /tmp/x is not on this machine. Put the same file there")]
    [DataRow("(00.1) 5: Error (criu/sk-inet.c:1): inet: Can't bind inet socket (id 9): Address already in use", "address-unavailable", "End the program that has the port ('ss -tanp' shows it), or give the address back to the machine, then try again")]
    [DataRow("(00.1) Error (criu/tty.c:1): tty: Found dangling tty with sid 1, consider using --shell-job", "terminal-attached", "Start it with `twins run`")]
    [DataRow("(00.1) Error (criu/seize.c:1): Unseizable non-zombie 4711 found", "process-traced", "End that first")]
    [DataRow("(00.1) Error (criu/proc_parse.c:1): Can't open /proc/4711/stat", "process-missing", "there is nothing to move. Start it again")]
    [DataRow("(00.1) Error (criu/files-reg.c:1): Can't create link-remap for tmp/x. Use link-remap option", "unsupported-file", "Put it back under its name, or let the program close it")]
    [DataRow("(00.1) Error (criu/sk-unix.c:1): unix: External socket is used", "unsupported-file", "Let the program close it, then try again")]
    [DataRow("(00.1) Error (criu/cr-dump.c:1): Something that nobody has heard of.", "criu-failed", "CRIU failed: Something that nobody has heard of. Try again; if it stays, 'twins doctor' tells whether CRIU works here at all")]
    public void Error_OfADump_BecomesACodeAndARemedy(string line, string code, string said)
    {
        var (found, message) = Explain("dump.log", line);
        Assert.AreEqual(code, found, message);
        Assert.Contains(said, message);
    }

    [TestMethod]
    public void DiskFull_NamesTheDirectory() =>
        Assert.Contains($"There is no room for the images in {Root}. ", Explain("dump.log", "Error (criu/image.c:1): No space left on device").Message);

    [TestMethod]
    public void NoSuchProcess_InARestore_DoesNotSayThatTheProcessHasEnded() =>
        Assert.AreEqual("criu-failed", Explain("restore.log", "Error (criu/cr-restore.c:1): Can't wait: No such process").Code);

    [TestMethod]
    public void NoLog_SaysWhatCriuAnswered()
    {
        var (code, message) = CriuLog.Explain(Path.Combine(Root, "m-1", "dump.log"), "its last words");
        Assert.AreEqual("criu-failed", code);
        Assert.Contains("CRIU failed: its last words. Try again", message);
    }

    private (string Code, string Message) Explain(string log, string line)
    {
        var images = Directory.CreateDirectory(Path.Combine(Root, "m-1")).FullName;
        File.WriteAllText(Path.Combine(images, log), line + "\n");
        return CriuLog.Explain(Path.Combine(images, log), null);
    }
}
