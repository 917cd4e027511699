using Twins.Diversion;
using Twins.Diversion.Windows;
using Twins.Packets;

namespace Twins.WindowsDiverter;

/// <summary>Captures and sends as a twin does, and decides nothing: all goes on as it came.</summary>
internal static class PassingCapture
{
    public static void Run(Endpoint local)
    {
        using var sender = WinDivertSender.Open();
        var gate = new Lock();
        using var capture = new WinDivertCapture(sender, (batch, count) =>
        {
            lock (gate)
            {
                for (var i = 0; i < count; i++)
                    batch.Accept(i);
                batch.Complete();
            }
        });
        capture.Change([DivertTarget.Listener(IpProtocol.Tcp, local)]);
        Console.WriteLine("ready");
        Thread.Sleep(Timeout.Infinite);
    }
}
