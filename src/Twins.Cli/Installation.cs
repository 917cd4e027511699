namespace Twins.Cli;

/// <summary>Where the programs of Twins lie: in a repository below <c>build/</c>, installed all in one directory.
/// The environment variable TWINS_HOME names the repository or that directory; without it the directories above the CLI are tried.</summary>
internal sealed class Installation
{
    private readonly string _programDirectory;

    /// <param name="home">Value of TWINS_HOME, if set.</param>
    /// <param name="programDirectory">The directory that the CLI was started from.</param>
    public Installation(string? home, string programDirectory)
    {
        _programDirectory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(programDirectory));
        Home = string.IsNullOrEmpty(home) ? FindHome(_programDirectory) : Path.GetFullPath(home);
        IsInstalled = OperatingSystem.IsLinux() && IsProgramDirectory(Home);
    }

    /// <summary>The repository, or the directory of the installed programs.</summary>
    public string Home { get; }

    /// <summary>Linux: the programs were installed, by a package, with a unit that starts <c>twinsd</c>.</summary>
    public bool IsInstalled { get; }

    /// <summary>What root says to start <c>twinsd</c> on Linux.</summary>
    public string DaemonStart => IsInstalled ? "systemctl start twinsd" : Daemon;

    /// <summary>What to do where a program or library is missing.</summary>
    public string Remedy => OperatingSystem.IsWindows() ? "install Twins again"
        : IsInstalled ? "install the package again" : "./twins at the repository root builds it, or set TWINS_HOME to that directory";

    /// <summary>Directory of the running CLI.</summary>
    public string ProgramDirectory => _programDirectory;

    /// <summary>This CLI's own executable.</summary>
    public string Cli => Path.Combine(_programDirectory, Program("twins"));

    /// <summary>On Windows the programs are installed into one directory.</summary>
    public string Daemon => OperatingSystem.IsWindows()
        ? BesideOrBuilt("windows", "twinsd.exe") : Path.Combine(Programs, "twinsd", "twinsd");

    public string Criu => Path.Combine(Programs, "criu", "criu");

    /// <summary>The launcher that starts a mobile process with nothing inherited.</summary>
    public string Launcher => HookFile(Program("twins-exec"));

    /// <summary>The library that is loaded into a mobile process.</summary>
    public string HookLibrary => HookFile(OperatingSystem.IsWindows() ? "twins-hook.dll" : "libtwins-hook.so");

    private string Programs => IsInstalled ? Home : Path.Combine(Home, "build");

    private string HookFile(string name) => BesideOrBuilt(OperatingSystem.IsWindows() ? "windows" : "hook", name);

    private string BesideOrBuilt(string directory, string name)
    {
        string beside = Path.Combine(_programDirectory, name);
        return File.Exists(beside) ? beside : Path.Combine(Programs, directory, name);
    }

    private static string Program(string name) => OperatingSystem.IsWindows() ? name + ".exe" : name;

    private static string FindHome(string start)
    {
        for (string? directory = start; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (File.Exists(Path.Combine(directory, "Twins.sln")) ||
                File.Exists(Path.Combine(directory, "build", "twinsd", Program("twinsd"))))
            {
                return directory;
            }
        }
        return Path.GetDirectoryName(start) is { } parent && IsProgramDirectory(parent) ? parent : start;
    }

    private static bool IsProgramDirectory(string directory) => File.Exists(Path.Combine(directory, "twinsd", "twinsd"));
}
