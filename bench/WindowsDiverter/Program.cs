using Twins.WindowsDiverter;
using Endpoint = Twins.Packets.Endpoint;

// The .NET part of windows-diverter.sh. Prints "ready", and ends when it is killed.
switch (args)
{
    case ["pass", var local]:
        PassingCapture.Run(Endpoint.Parse(local));
        return 0;
    case ["redirect", var pipe, var listener, var host]:
        TwinControl.Run(pipe, Endpoint.Parse(listener), Endpoint.Parse(host));
        return 0;
    default:
        Console.Error.WriteLine(@"usage: WindowsDiverter pass H:p | redirect \\.\pipe\NAME H:p N:n");
        return 2;
}
