using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Twins.Diversion.Linux;
using Twins.Manager.Access.Linux;
using Twins.Manager.Access.Sessions;
using Twins.Manager.Settings;

namespace Twins.Manager.Admin.Page.Linux;

/// <summary>As a user of its own, without capabilities, groups and environment, by setpriv(1).</summary>
internal sealed class SetprivLauncher(TwinsdOptions options, PageCallers callers) : PageLauncher
{
    private const string Launcher = "setpriv";

    /// <inheritdoc/>
    public override string InstalledProgram { get; } = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "admin", "twins-admin"));

    /// <inheritdoc/>
    public override PageProcess Start(string program, IReadOnlyList<string> arguments)
    {
        var (user, group) = UserDatabase.Find(options.AdminUser) ?? throw Failure(
            "page-user-missing", $"The admin page's program runs as the user '{options.AdminUser}', whom this machine doesn't have. Make it: useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin {options.AdminUser}");
        if (user == 0)
            throw Failure("page-user-root", "The admin page's program doesn't run as root: set adminUser to a user without rights.");

        NetworkNamespace.ComeBack();
        callers.Page = new PageIdentity(user.ToString(CultureInfo.InvariantCulture), Pid: 0);
        var start = new ProcessStartInfo(Launcher,
        [
            Text($"--reuid={user}"), Text($"--regid={group}"), "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--", program, .. arguments,
        ])
        { UseShellExecute = false, RedirectStandardInput = true, WorkingDirectory = "/" };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/bin:/bin";
        // No files of the runtime's in /tmp, and nobody who looks inside.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        try
        {
            var process = Process.Start(start) ?? throw new InvalidOperationException($"{Launcher} could not be started.");
            return new PageProcess(process, process.StandardInput.BaseStream);
        }
        catch (Win32Exception e)
        {
            throw Failure("page-not-started", $"The admin page's program can't be started: {e.Message} ({Launcher}, of util-linux, starts it).");
        }
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
