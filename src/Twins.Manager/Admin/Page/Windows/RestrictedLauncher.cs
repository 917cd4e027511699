using System.ComponentModel;
using System.Diagnostics;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Security.AccessControl;
using System.Security.Principal;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Twins.Manager.Access.Sessions;
using Twins.Manager.Settings;

namespace Twins.Manager.Admin.Page.Windows;

/// <summary>
/// With a token without rights (<see cref="PageToken"/>), in a job that ends with this program (<see cref="PageJob"/>), with the machine's
/// environment, and no handle of ours but its pipes. Others of its user may not open it. What it says is in our log.
/// </summary>
internal sealed partial class RestrictedLauncher(TwinsdOptions options, PageCallers callers, ILogger<RestrictedLauncher> log) : PageLauncher
{
    private const int MostLineCharacters = 1000;

    /// <inheritdoc/>
    public override string InstalledProgram { get; } = Path.Combine(AppContext.BaseDirectory, "twins-admin.exe");

    /// <inheritdoc/>
    public override PageProcess Start(string program, IReadOnlyList<string> arguments)
    {
        using var token = PageToken.Create(options.AdminUser, out var user);
        var input = new AnonymousPipeServerStream(PipeDirection.Out, HandleInheritability.Inheritable);
        var output = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.Inheritable);
        PageJob? job = null;
        try
        {
            job = new PageJob();
            var process = Start(token, user, $"\"{program}\" {string.Join(' ', arguments)}", program, input.ClientSafePipeHandle, output.ClientSafePipeHandle, job);
            input.DisposeLocalCopyOfClientHandle();
            output.DisposeLocalCopyOfClientHandle();
            _ = LogAsync(output);
            return new PageProcess(process, input, job);
        }
        catch (Exception e)
        {
            job?.Dispose();
            input.Dispose();
            output.Dispose();
            if (e is Win32Exception)
                throw Failure("page-not-started", $"The admin page's program can't be started: {e.Message} (error {((Win32Exception)e).NativeErrorCode})");
            throw;
        }
    }

    private unsafe Process Start(SafeAccessTokenHandle token, SecurityIdentifier user, string commandLine, string program, SafePipeHandle input, SafePipeHandle output, PageJob job)
    {
        var handles = stackalloc nint[] { input.DangerousGetHandle(), output.DangerousGetHandle() };
        var attributes = new byte[AttributeListBytes(1)];
        fixed (byte* list = attributes)
        fixed (char* line = commandLine + '\0')
        fixed (char* environment = PageEnvironment.Of(token))
        fixed (byte* access = Access(user))
        {
            var bytes = (nint)attributes.Length;
            var security = new SecurityAttributes { Length = sizeof(SecurityAttributes), Descriptor = access, Inherit = 0 };
            var start = new StartupInfo { Length = sizeof(StartupInfo), Flags = UseHandles, Input = handles[0], Output = handles[1], Error = handles[1], Attributes = list };
            var desktop = '\0'; // its own user's, or of none: not ours
            start.Desktop = &desktop;
            Check(InitializeProcThreadAttributeList(list, 1, 0, &bytes));
            Check(UpdateProcThreadAttribute(list, 0, HandleList, handles, 2 * sizeof(nint), null, null));
            ProcessInformation made;
            Check(CreateProcessAsUser(
                token, program, line, &security, &security, true, Suspended | UnicodeEnvironment | NoWindow | ExtendedStartup, environment, Environment.SystemDirectory, &start, &made));
            try
            {
                job.Add(made.Process);
                var process = Process.GetProcessById((int)made.ProcessId);
                // What the handle holds can't become another process any more.
                _ = process.SafeHandle;
                callers.Page = new PageIdentity(user.Value, (int)made.ProcessId);
                if (ResumeThread(made.Thread) == uint.MaxValue)
                    throw new Win32Exception(Marshal.GetLastPInvokeError());
                return process;
            }
            catch
            {
                _ = TerminateProcess(made.Process, 1);
                throw;
            }
            finally
            {
                _ = CloseHandle(made.Thread);
                _ = CloseHandle(made.Process);
            }
        }
    }

    /// <summary>SYSTEM, Administrators and we may everything; its own user may wait for it and ask what everybody may know, and so not get into it.</summary>
    private static byte[] Access(SecurityIdentifier user)
    {
        using var own = WindowsIdentity.GetCurrent();
        var mine = own.User == user ? "" : $"(A;;GA;;;{own.User!.Value})";
        var descriptor = new RawSecurityDescriptor($"D:P(A;;GA;;;SY)(A;;GA;;;BA){mine}(A;;0x101000;;;{user.Value})");
        var octets = new byte[descriptor.BinaryLength];
        descriptor.GetBinaryForm(octets, 0);
        return octets;
    }

    private async Task LogAsync(AnonymousPipeServerStream output)
    {
        try
        {
            using var text = new StreamReader(output);
            var line = new StringBuilder();
            var read = new char[MostLineCharacters];
            while (await text.ReadAsync(read) is var count and > 0)
            {
                foreach (var character in read.Take(count))
                {
                    if (character is not ('\r' or '\n'))
                        line.Append(character);
                    if (line.Length > 0 && (character == '\n' || line.Length == MostLineCharacters))
                    {
                        LogSaid(line.ToString());
                        line.Clear();
                    }
                }
            }
        }
        catch (IOException)
        {
            // It has ended.
        }
    }

    private static void Check(bool done)
    {
        if (!done)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    private static unsafe nint AttributeListBytes(int count)
    {
        nint bytes = 0;
        // It fails, and tells how many.
        _ = InitializeProcThreadAttributeList(null, count, 0, &bytes);
        return bytes;
    }

    [LoggerMessage(1804, LogLevel.Information, "The admin page's program says: {Line}")]
    private partial void LogSaid(string line);
}
