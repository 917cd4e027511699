using System.IO.Pipes;
using Google.Protobuf;
using Twins.Protocol;
using Endpoint = Twins.Packets.Endpoint;

namespace Twins.WindowsDiverter;

/// <summary>Tells a twin what <c>twinsd</c> would tell it about a process that has moved: its listener, and a leg for each new connection.</summary>
internal static class TwinControl
{
    private const string Prefix = @"\\.\pipe\";
    private const string Process = "bench";
    private const uint FirstLeg = 61_000;
    private const uint Legs = 4_000;

    public static void Run(string pipe, Endpoint listener, Endpoint host)
    {
        using var stream = new NamedPipeClientStream(".", pipe[Prefix.Length..], PipeDirection.InOut, PipeOptions.Asynchronous | PipeOptions.CurrentUserOnly);
        stream.Connect(TimeSpan.FromSeconds(30));
        var request = new TwinRequest { Id = 1, ProcessId = Process, Epoch = 1, Migrated = new Migrated() };
        request.Migrated.Listeners.Add(new Listener { Transport = Transport.Tcp, Local = ToWire(listener) });
        request.WriteDelimitedTo(stream);
        var leg = 0u;
        while (TwinMessage.Parser.ParseDelimitedFrom(stream) is { } message)
        {
            if (message.Reply is { Error: not TwinError.TwinOk } refused)
                throw new InvalidOperationException($"The twin refuses: {refused.Error} {refused.Message}");
            if (message.Reply is { Id: 1 })
                Console.WriteLine("ready");
            if (message.Event?.FlowRequested is not { } asked)
                continue;
            var home = ToWire(listener);
            home.Port = FirstLeg + (leg++ % Legs);
            var answer = new TwinRequest { Id = 1 + (ulong)leg, ProcessId = Process, Epoch = 1, AddFlows = new AddFlows() };
            answer.AddFlows.Flows.Add(new Flow { Connection = asked.Connection, HomeLeg = home, HostLeg = ToWire(host) });
            answer.WriteDelimitedTo(stream);
        }
    }

    private static Protocol.Endpoint ToWire(Endpoint endpoint) => new()
    {
        Address = ByteString.CopyFrom(endpoint.Address.ToBytes()),
        Port = endpoint.Port,
    };
}
