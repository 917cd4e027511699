using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Twins.Cli.Windows;

/// <summary><c>twinsd</c> at the service manager: installed, started, stopped, removed. Each waits until it is so.</summary>
/// <param name="name">The service's name.</param>
/// <param name="time">By which deadlines are counted.</param>
internal sealed class TwinsdService(string name, TimeProvider time)
{
    /// <summary>Of the service, unless a test has another.</summary>
    public const string DefaultName = "twinsd";

    private const string DisplayName = "Twins Migration Manager";
    private const string Description = "Moves running programs between machines; their TCP connections stay.";

    private const int AccessDenied = 5;          // ERROR_ACCESS_DENIED
    private const int CallNotImplemented = 120;  // ERROR_CALL_NOT_IMPLEMENTED
    private const int InvalidLevel = 124;        // ERROR_INVALID_LEVEL
    private const int AlreadyRunning = 1056;     // ERROR_SERVICE_ALREADY_RUNNING
    private const int DoesNotExist = 1060;       // ERROR_SERVICE_DOES_NOT_EXIST
    private const int NotActive = 1062;          // ERROR_SERVICE_NOT_ACTIVE
    private const int MarkedForDelete = 1072;    // ERROR_SERVICE_MARKED_FOR_DELETE
    private const int Exists = 1073;             // ERROR_SERVICE_EXISTS
    private const int DuplicateName = 1078;      // ERROR_DUPLICATE_SERVICE_NAME

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Registers the program: a process of its own as LocalSystem, with all of that user's privileges, and with a SID of its own; started
    /// with the machine, after what starts first; started anew after a crash, but not after a failed start, which has said its reason.
    /// </summary>
    /// <returns>What this system doesn't know of that, and goes without.</returns>
    /// <exception cref="CliException">It is installed already, or the user may not.</exception>
    public unsafe IReadOnlyList<string> Install(string program)
    {
        using var manager = OpenManager(ServiceNative.Connect | ServiceNative.CreateService);
        using var service = ServiceNative.Create(
            manager, name, DisplayName, ServiceNative.ChangeConfig | ServiceNative.Start | ServiceNative.Delete, ServiceNative.OwnProcess,
            ServiceNative.AutoStart, ServiceNative.ErrorNormal, $"\"{program}\"", null, null, null, null, null);
        if (service.IsInvalid)
            throw Failure("install");
        try
        {
            return Configure(service);
        }
        catch (CliException)
        {
            // All of it or nothing.
            _ = ServiceNative.DeleteService(service);
            throw;
        }
    }

    /// <returns>The PID of the service's process.</returns>
    /// <exception cref="CliException">It isn't installed, the user may not, it failed to start (with its reason), or didn't start in time.</exception>
    public async Task<int> StartAsync(CancellationToken cancellation)
    {
        using var service = Open(ServiceNative.Start | ServiceNative.QueryStatus, "start");
        if (!SendStart(service) && Marshal.GetLastPInvokeError() != AlreadyRunning)
        {
            var failure = Failure("start");
            // A process that told its reason and ended at once may be an error of the start itself.
            var ended = Query(service);
            throw ended is { State: ServiceState.Stopped, ExitCode: ServiceStatus.ServiceSpecificError } ? Ended(ended) : failure;
        }

        var status = await UntilAsync(service, state => state is ServiceState.Running or ServiceState.Stopped, "start", cancellation);
        return status.State == ServiceState.Running ? (int)status.ProcessId : throw Ended(status);
    }

    /// <summary>It may have been stopped already.</summary>
    /// <exception cref="CliException">It isn't installed, the user may not, or it didn't stop in time.</exception>
    public async Task StopAsync(CancellationToken cancellation)
    {
        using var service = Open(ServiceNative.Stop | ServiceNative.QueryStatus, "stop");
        await StopAsync(service, cancellation);
    }

    /// <summary>Stops it, where it runs, and takes it from the service manager's list. Its files and its data stay.</summary>
    /// <exception cref="CliException">As <see cref="StopAsync(CancellationToken)"/>.</exception>
    public async Task RemoveAsync(CancellationToken cancellation)
    {
        using var service = Open(ServiceNative.Stop | ServiceNative.QueryStatus | ServiceNative.Delete, "remove");
        bool isRemoved;
        try
        {
            await StopAsync(service, cancellation);
        }
        finally
        {
            // One that doesn't stop goes from the list when it has ended.
            isRemoved = ServiceNative.DeleteService(service) || Marshal.GetLastPInvokeError() == MarkedForDelete;
        }

        if (!isRemoved)
            throw Failure("remove");
    }

    private static unsafe ServiceStatus Query(ServiceHandle service)
    {
        ServiceStatus status;
        return ServiceNative.Query(service, ServiceNative.ProcessStatus, &status, (uint)sizeof(ServiceStatus), out _) ? status : throw new Win32Exception();
    }

    private static unsafe List<string> Configure(ServiceHandle service)
    {
        var missing = new List<string>();
        fixed (char* description = Description)
        {
            var text = (nint)description; // SERVICE_DESCRIPTIONW: one pointer
            Set(ServiceNative.ConfigDescription, &text, "a description");
        }

        var restarts = stackalloc ServiceNative.FailureAction[]
        {
            new() { Type = ServiceNative.ActionRestart, DelayMilliseconds = 1_000 },
            new() { Type = ServiceNative.ActionRestart, DelayMilliseconds = 10_000 },
            new() { Type = ServiceNative.ActionRestart, DelayMilliseconds = 60_000 },
        };
        var actions = new ServiceNative.FailureActions { ResetSeconds = 24 * 60 * 60, Count = 3, Actions = restarts };
        Set(ServiceNative.ConfigFailureActions, &actions, "a restart after a crash");
        var delayed = 1; // SERVICE_DELAYED_AUTO_START_INFO: one BOOL
        Set(ServiceNative.ConfigDelayedStart, &delayed, "a delayed start");
        var sid = ServiceNative.SidUnrestricted; // SERVICE_SID_INFO: one DWORD
        Set(ServiceNative.ConfigSid, &sid, "a SID of the service");
        return missing;

        void Set(uint kind, void* value, string what)
        {
            if (ServiceNative.ChangeConfiguration(service, kind, value))
                return;
            if (Marshal.GetLastPInvokeError() is not (CallNotImplemented or InvalidLevel))
                throw new CliException(ExitCode.Failed, "service-failed", $"the service can't be given {what}: {Marshal.GetLastPInvokeErrorMessage()}");
            missing.Add(what);
        }
    }

    private CliException Ended(ServiceStatus status)
    {
        var own = (int)status.ServiceSpecificExitCode;
        var reason = status.ExitCode != ServiceStatus.ServiceSpecificError ? $"{new Win32Exception((int)status.ExitCode).Message} (Win32 error {status.ExitCode})"
            : StartFailureText.Find(own) is { } text ? $"{text} (exit code {own})" : $"its exit code is {own}";
        return new CliException(ExitCode.Failed, "start-failed", $"{name} failed to start: {reason}. More is in the event log: Application, source twinsd.");
    }

    private async Task StopAsync(ServiceHandle service, CancellationToken cancellation)
    {
        if (!SendStop(service) && Marshal.GetLastPInvokeError() != NotActive)
            throw Failure("stop");
        await UntilAsync(service, state => state == ServiceState.Stopped, "stop", cancellation);
    }

    private static unsafe bool SendStart(ServiceHandle service) => ServiceNative.StartService(service, 0, null);

    private static unsafe bool SendStop(ServiceHandle service)
    {
        ServiceStatus status; // a SERVICE_STATUS is its beginning
        return ServiceNative.Control(service, ServiceNative.ControlStop, &status);
    }

    private async Task<ServiceStatus> UntilAsync(ServiceHandle service, Func<ServiceState, bool> isSo, string verb, CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var status = Query(service);
            if (isSo(status.State))
                return status;
            if (time.GetElapsedTime(began) > Patience)
                throw new CliException(ExitCode.Failed, "service-slow", $"{name} didn't {verb} within {Patience.TotalSeconds:0} s; it is {status.State}. It may still do so: look with 'sc query {name}'.");
            await Task.Delay(Pause, time, cancellation);
        }
    }

    private ServiceHandle Open(uint access, string verb)
    {
        using var manager = OpenManager(ServiceNative.Connect);
        var service = ServiceNative.OpenService(manager, name, access);
        if (!service.IsInvalid)
            return service;
        var failure = Failure(verb);
        service.Dispose();
        throw failure;
    }

    private ServiceHandle OpenManager(uint access)
    {
        var manager = ServiceNative.OpenManager(null, null, access);
        if (!manager.IsInvalid)
            return manager;
        var failure = Failure("reach");
        manager.Dispose();
        throw failure;
    }

    // From the last error.
    private CliException Failure(string verb)
    {
        var error = Marshal.GetLastPInvokeError();
        return error switch
        {
            AccessDenied => new CliException(ExitCode.NotPermitted, "permission-denied", "only administrators may change services: run it elevated (Run as administrator)"),
            DoesNotExist => new CliException(ExitCode.Failed, "not-installed", $"{name} isn't installed as a service: twins service install"),
            Exists => new CliException(ExitCode.Failed, "installed", $"{name} is installed already. To register another program: twins service remove, then install."),
            DuplicateName => new CliException(ExitCode.Failed, "installed", $"another service is called '{DisplayName}': remove that first (sc query)."),
            MarkedForDelete => new CliException(ExitCode.Failed, "being-removed", $"{name} is being removed; that ends when nobody looks at it any more. Close the window of services and the like, then try again."),
            _ => new CliException(ExitCode.Failed, "service-failed", $"the service manager can't {verb} {name}: {new Win32Exception(error).Message} (Win32 error {error})"),
        };
    }
}
