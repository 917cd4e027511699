using Twins.Cli.Client;
using Twins.Tray.Windows;

if (!OperatingSystem.IsWindows())
{
    Console.Error.WriteLine("twins-tray: this is for Windows. Here 'twins' and the admin page ('twins admin') tell how things stand.");
    return 2;
}

// The installer's, and scripts': what isn't there is done.
if (args is ["--quit"])
    return SingleInstance.Quit() ? 0 : 1;
using var instance = SingleInstance.TryTake();
if (instance is null)
    return 0;
var pipe = Environment.GetEnvironmentVariable("TWINS_SOCKET") is { Length: > 0 } path ? path : @"\\.\pipe\twins\twinsd";
using var tray = new TrayApplication(() => LocalChannel.Open(pipe));
tray.Run();
return 0;
