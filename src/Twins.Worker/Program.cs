using Twins.Worker;
using Twins.Worker.Linux;
using Twins.Worker.Windows;

// Exit codes: 1 failed, 2 wrong command line, 3 no rights or no capabilities to drop, 4 the queue, the driver or the raw socket, 5 the control endpoint.
var options = TwinOptions.Parse(args, out var fault);
if (options is null)
{
    Console.Error.WriteLine($"twin: {fault}\n{TwinOptions.Usage}");
    return 2;
}

return OperatingSystem.IsWindows() ? WindowsTwin.Run(options) : LinuxTwin.Run(options);
