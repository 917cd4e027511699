namespace Twins.Cli.Tests;

[TestClass]
public sealed class InstallationTests
{
    private readonly string _directory = Directory.CreateTempSubdirectory("twins-installation-").FullName;

    [TestCleanup]
    public void Clean() => Directory.Delete(_directory, recursive: true);

    [TestMethod]
    public void Package_HasAllProgramsInOneDirectory_AndAUnit()
    {
        Make("twinsd/twinsd");

        var installation = new Installation(home: null, Path.Combine(_directory, "twins"));

        Assert.AreEqual($"{_directory}/twinsd/twinsd", installation.Daemon);
        Assert.AreEqual($"{_directory}/hook/libtwins-hook.so", installation.HookLibrary);
        Assert.AreEqual("systemctl start twinsd", installation.DaemonStart);
        Assert.AreEqual("install the package again", installation.Remedy);
    }

    [TestMethod]
    public void Repository_HasThemBelowBuild()
    {
        Make("build/twinsd/twinsd");

        var installation = new Installation(home: null, Path.Combine(_directory, "build", "twins"));

        Assert.AreEqual($"{_directory}/build/twinsd/twinsd", installation.Daemon);
        Assert.AreEqual($"{_directory}/build/hook/libtwins-hook.so", installation.HookLibrary);
        Assert.AreEqual(installation.Daemon, installation.DaemonStart);
    }

    [TestMethod]
    public void NothingBuiltYet_IsARepositoryByItsSolution()
    {
        Make("Twins.sln");

        var installation = new Installation(home: null, Path.Combine(_directory, "src", "Twins.Cli", "bin"));

        Assert.AreEqual($"{_directory}/build/twinsd/twinsd", installation.Daemon);
        Assert.IsFalse(installation.IsInstalled);
    }

    private void Make(string file)
    {
        string path = Path.Combine(_directory, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "");
    }
}
