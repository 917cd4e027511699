using System.ComponentModel;
using System.Net.Sockets;
using Twins.Diversion;
using Twins.Diversion.Linux;
using Twins.Worker;

// Exit codes: 1 failed, 2 wrong command line, 3 no rights or no capabilities to drop, 4 the queue or the raw socket, 5 the control endpoint.
var options = TwinOptions.Parse(args, out var fault);
if (options is null)
{
    Console.Error.WriteLine($"twin: {fault}\n{TwinOptions.Usage}");
    return 2;
}

try
{
    Privileges.Drop();
}
catch (Win32Exception exception)
{
    Log.Error("start-failed", $"step=privileges error=\"{exception.Message}\" code={exception.NativeErrorCode}");
    return 3;
}

NetfilterQueue queue;
RawSender sender;
SuperpacketSender? superpackets;
try
{
    queue = NetfilterQueue.Open(options.Queue);
    sender = RawSender.Open();
    superpackets = SuperpacketSender.TryOpen();
}
catch (DiversionException exception)
{
    Log.Error("start-failed", $"step=diversion error=\"{exception.Message}\"");
    return 4;
}

using var loop = new DataLoop(options, queue, sender, superpackets);
try
{
    new ControlEndpoint(options.ControlPath, loop.Post).Start();
}
catch (Exception exception) when (exception is SocketException or IOException or UnauthorizedAccessException)
{
    Log.Error("start-failed", $"step=control path=\"{options.ControlPath}\" error=\"{exception.Message}\"");
    return 5;
}

if (superpackets is null)
    Log.Warning("no-superpackets", $"effect=\"large streams are sent segment by segment\"");
Log.Information("started", $"queue={options.Queue} control=\"{options.ControlPath}\"");
try
{
    loop.Run();
}
catch (Exception exception) when (exception is DiversionException or Win32Exception)
{
    Log.Error("failed", $"error=\"{exception.Message}\"");
}

return 1;
