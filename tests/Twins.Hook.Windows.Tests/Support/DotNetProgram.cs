using System.Net;
using System.Net.Sockets;

namespace Twins.Hook.Windows.Tests.Support;

/// <summary>A program that talks to itself over .NET's sockets, which reach ws2_32 by GetProcAddress and WSAIoctl.</summary>
internal static class DotNetProgram
{
    public static async Task<int> RunAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 7191);
        listener.Start();
        using var client = new TcpClient(new IPEndPoint(IPAddress.Loopback, 7192));
        var accepting = listener.AcceptTcpClientAsync();
        await client.ConnectAsync(IPAddress.Loopback, 7191);
        using var accepted = await accepting;
        await client.GetStream().WriteAsync("twins"u8.ToArray());
        var heard = new byte[5];
        await accepted.GetStream().ReadExactlyAsync(heard);
        return heard.AsSpan().SequenceEqual("twins"u8) ? 0 : 1;
    }
}
