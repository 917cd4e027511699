using System.Runtime.Versioning;
using Twins.Diversion;
using Twins.Diversion.Windows;

namespace Twins.Worker.Windows;

/// <summary>A twin on Windows, from its start to its end.</summary>
[SupportedOSPlatform("windows")]
internal static class WindowsTwin
{
    /// <summary>Returns the exit code.</summary>
    public static int Run(TwinOptions options)
    {
        // It outlives the console of whoever started its twinsd by hand.
        Console.CancelKeyPress += (_, pressed) => pressed.Cancel = true;
        Privileges.Drop();
        WinDivertSender sender;
        try
        {
            sender = WinDivertSender.Open();
        }
        catch (DiversionException exception)
        {
            Log.Error("start-failed", $"step=diversion error=\"{exception.Message}\"");
            return 4;
        }

        using var loop = new CaptureLoop(options, sender);
        try
        {
            new PipeControlEndpoint(options.ControlPath, loop.Post).Start();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            Log.Error("start-failed", $"step=control path=\"{options.ControlPath}\" error=\"{exception.Message}\"");
            return 5;
        }

        Log.Information("started", $"control=\"{options.ControlPath}\"");
        loop.Run();
        return 1;
    }
}
