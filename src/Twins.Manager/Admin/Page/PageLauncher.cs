using Twins.Manager.Nodes;

namespace Twins.Manager.Admin.Page;

/// <summary>Starts the admin page's program without rights: as another user, as far as the system lets <c>twinsd</c>.</summary>
internal abstract class PageLauncher
{
    /// <summary>Where the program lies that was installed with twinsd.</summary>
    public abstract string InstalledProgram { get; }

    /// <summary>
    /// Starts it. Its standard input is a pipe that ends with this program. From the moment at which it runs, it is known as the page
    /// (<see cref="Access.Sessions.PageCallers"/>).
    /// </summary>
    /// <param name="program">Path of the program.</param>
    /// <param name="arguments">None has a space in it.</param>
    /// <exception cref="NodeException">It can't be started, or not without rights.</exception>
    public abstract PageProcess Start(string program, IReadOnlyList<string> arguments);

    /// <summary>What is told to whoever asked for the page.</summary>
    public static NodeException Failure(string code, string message) => new("", code, message);
}
