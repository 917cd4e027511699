using System.ComponentModel;
using System.Net.Sockets;
using Twins.Diversion;
using Twins.Diversion.Linux;

namespace Twins.Worker.Linux;

/// <summary>A twin on Linux, from its start to its end.</summary>
internal static class LinuxTwin
{
    /// <summary>Returns the exit code.</summary>
    public static int Run(TwinOptions options)
    {
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
            new UnixControlEndpoint(options.ControlPath, loop.Post).Start();
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
    }
}
