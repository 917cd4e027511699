using System.Security.Cryptography;
using Twins.Manager.Processes;

namespace Twins.Manager.Tests.Processes;

[TestClass]
public sealed class ProcessMemoryTests
{
    [TestMethod]
    public void PrivatePages_AreRead_AndThoseThatAreSharedOrWereNeverTouchedAreNot()
    {
        using var program = new Program("""
            import mmap, hashlib
            def pages(n, seed):
                return b"".join(hashlib.sha256(b"%d %d" % (seed, i)).digest() * 128 for i in range(n))
            private = mmap.mmap(-1, 2 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            private.write(pages(300, 1))
            shared = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
            # By another process: what it writes is in the private memory of this one at no time.
            if os.fork() == 0:
                shared.write(pages(10, 2))
                os._exit(0)
            os.wait()
            say("ready")
            rest()
            """);
        program.Hear();
        var found = new HashSet<string>();
        long octets = 0;
        foreach (var run in ProcessMemory.Read([program.Pid]))
        {
            Assert.AreEqual(0, run.Length % 4096);
            octets += run.Length;
            for (var at = 0; at < run.Length; at += 4096)
                found.Add(Convert.ToHexString(run.Span.Slice(at, 32)));
        }

        Assert.IsTrue(Enumerable.Range(0, 300).All(i => found.Contains(Mark(1, i))), "all that was written");
        Assert.IsFalse(Enumerable.Range(0, 10).Any(i => found.Contains(Mark(2, i))), "shared memory");
        Assert.IsLessThan(64L << 20, octets, "2 GiB were mapped");
    }

    [TestMethod]
    public void ProcessThatHasEnded_HasNoMemory() => Assert.IsEmpty(ProcessMemory.Read([int.MaxValue]).ToArray());

    private static string Mark(int seed, int page) => Convert.ToHexString(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(FormattableString.Invariant($"{seed} {page}"))));
}
