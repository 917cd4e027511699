using System.Net.Sockets;

namespace Twins.Worker.Tests;

/// <summary>A stream of octets that can be checked.</summary>
internal static class Stream
{
    public static byte[] Octets(int count, int seed)
    {
        var octets = new byte[count];
        new Random(seed).NextBytes(octets);
        return octets;
    }

    /// <summary>Sends all of it on a thread of its own.</summary>
    public static Task SendAll(Socket socket, byte[] octets) => Task.Factory.StartNew(
        () =>
        {
            for (var sent = 0; sent < octets.Length;)
                sent += socket.Send(octets.AsSpan(sent, Math.Min(16_384, octets.Length - sent)));
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    /// <summary>Receives exactly these octets.</summary>
    public static void AssertReceives(Socket socket, byte[] expected)
    {
        socket.ReceiveTimeout = 60_000;
        var buffer = new byte[expected.Length];
        for (var received = 0; received < buffer.Length;)
        {
            var count = socket.Receive(buffer.AsSpan(received));
            Assert.AreNotEqual(0, count, $"end of stream after {received} octets");
            received += count;
        }

        Assert.IsTrue(buffer.AsSpan().SequenceEqual(expected), "octets differ");
    }

    /// <summary>Both directions at once.</summary>
    public static void AssertExchange(Socket left, Socket right, int count)
    {
        var there = Octets(count, 1);
        var back = Octets(count, 2);
        var sending = new[] { SendAll(left, there), SendAll(right, back) };
        var receiving = Task.Factory.StartNew(() => AssertReceives(right, there), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        AssertReceives(left, back);
        receiving.GetAwaiter().GetResult();
        Task.WaitAll(sending);
    }
}
