using System.Runtime.Versioning;
using Twins.Manager.Processes;

namespace Twins.Manager.Tests.Processes;

[TestClass]
[SupportedOSPlatform("linux")]
public sealed class ProcessFilesTests
{
    [TestMethod]
    public void Files_OfAProgram_AreListedWithSizeModeAndUse()
    {
        var directory = Directory.CreateTempSubdirectory("twins-files-").FullName;
        try
        {
            var path = Path.Combine(directory, "data with space");
            File.WriteAllText(path, "12345");
            File.SetUnixFileMode(path, (UnixFileMode)0b110_100_000);
            using var program = new Program($"""
                os.chdir({Quote(directory)})
                f = open({Quote(path)})
                gone = open("gone", "w"); os.unlink("gone")
                say(os.path.realpath(sys.executable))
                rest()
                """, ownNetwork: false);
            var python = program.Hear()[0];

            var files = ProcessFiles.Read([program.Pid]);

            Assert.AreEqual(new ProcessFile(path, FileUse.Open, 5, 0b110_100_000, false), files.Single(file => file.Path == path));
            Assert.AreEqual(FileUse.WorkingDirectory, files.Single(file => file.Path == directory).Use);
            Assert.IsTrue(files.Single(file => file.Path == Path.Combine(directory, "gone")).IsDeleted);
            var executable = files.Single(file => file.Path == python);
            Assert.IsTrue(executable.Use.HasFlag(FileUse.Executed));
            Assert.AreEqual(new FileInfo(python).Length, executable.SizeBytes);
            Assert.AreEqual(0b111_101_101, executable.Mode);
            Assert.IsTrue(files.Any(file => file.Path.Contains("libc.so.6", StringComparison.Ordinal) && file.Use.HasFlag(FileUse.Executed)));
            Assert.IsFalse(files.Any(file => file.Path.StartsWith("/dev/", StringComparison.Ordinal)));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        static string Quote(string text) => "'" + text + "'";
    }
}
