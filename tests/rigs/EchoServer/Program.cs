using System.Globalization;
using System.Net;
using System.Net.Sockets;

// EchoServer PORT: echoes whatever it is sent, on any number of connections.
using var listener = new TcpListener(IPAddress.Any, int.Parse(args[0], CultureInfo.InvariantCulture));
listener.Start(1024);
while (true)
{
    TcpClient client = await listener.AcceptTcpClientAsync();
    _ = Task.Run(async () =>
    {
        using (client)
        {
            client.NoDelay = true;
            await client.GetStream().CopyToAsync(client.GetStream());
        }
    });
}
