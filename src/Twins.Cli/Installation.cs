namespace Twins.Cli;

/// <summary>Where the built programs of Twins lie. The environment variable TWINS_HOME names the
/// directory that holds <c>build/</c>; without it the directories above the CLI are tried.</summary>
internal sealed class Installation
{
    private readonly string _programDirectory;

    /// <param name="home">Value of TWINS_HOME, if set.</param>
    /// <param name="programDirectory">The directory that the CLI was started from.</param>
    public Installation(string? home, string programDirectory)
    {
        _programDirectory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(programDirectory));
        Home = string.IsNullOrEmpty(home) ? FindHome(_programDirectory) : Path.GetFullPath(home);
    }

    /// <summary>The directory that holds <c>build/</c>.</summary>
    public string Home { get; }

    /// <summary>Directory of the running CLI.</summary>
    public string ProgramDirectory => _programDirectory;

    /// <summary>This CLI's own executable.</summary>
    public string Cli => Path.Combine(_programDirectory, Program("twins"));

    /// <summary>On Windows the programs are installed into one directory.</summary>
    public string Daemon => OperatingSystem.IsWindows()
        ? BesideOrBuilt("windows", "twinsd.exe") : Path.Combine(Home, "build", "twinsd", "twinsd");

    public string Criu => Path.Combine(Home, "build", "criu", "criu");

    /// <summary>The launcher that starts a mobile process with nothing inherited.</summary>
    public string Launcher => HookFile(Program("twins-exec"));

    /// <summary>The library that is loaded into a mobile process.</summary>
    public string HookLibrary => HookFile(OperatingSystem.IsWindows() ? "twins-hook.dll" : "libtwins-hook.so");

    private string HookFile(string name) => BesideOrBuilt(OperatingSystem.IsWindows() ? "windows" : "hook", name);

    private string BesideOrBuilt(string directory, string name)
    {
        string beside = Path.Combine(_programDirectory, name);
        return File.Exists(beside) ? beside : Path.Combine(Home, "build", directory, name);
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
        return start;
    }
}
