using Twins.Packets;
using Twins.Packets.Tests;

namespace Twins.Redirection.Tests;

/// <summary>A sentence, a packet, where it comes from, what is known; and what must become of it.</summary>
internal sealed record DecisionRow(string Sentence, FlowTable Table, Side Arrival, PacketBuilder Input)
{
    private VerdictKind _kind;
    private DropReason _reason;
    private int _process = -1;
    private PacketBuilder? _output;
    private Side _egress;

    public DecisionRow Passes() => this with { _kind = VerdictKind.Pass };

    public DecisionRow IsHeld(int process = Names.Process) => this with { _kind = VerdictKind.Hold, _process = process };

    public DecisionRow IsAskedFor(int process = Names.Process) => this with { _kind = VerdictKind.RequestFlow, _process = process };

    public DecisionRow IsDropped(DropReason reason, int process = -1) => this with { _kind = VerdictKind.Drop, _reason = reason, _process = process };

    public DecisionRow Leaves(Side egress, PacketBuilder output, VerdictKind kind = VerdictKind.Rewrite) =>
        this with { _kind = kind, _output = output, _egress = egress, _process = Names.Process };

    public void Run()
    {
        var bytes = Input.Build();
        var before = bytes.ToArray();
        var reproduce = $"{Sentence}: {Arrival} {Convert.ToHexString(bytes)}";
        if (!PacketView.TryParse(bytes, out var packet, out var fault))
            Assert.Fail($"{reproduce}: {fault}");
        var verdict = Decision.Decide(packet, Arrival, Table);
        Assert.AreEqual(_kind, verdict.Kind, reproduce);
        Assert.AreEqual(_reason, verdict.Reason, reproduce);
        Assert.AreEqual(_process, verdict.Process, reproduce);
        Assert.AreEqual(verdict, Decision.Decide(packet, Arrival, Table), reproduce);
        var (packets, octets) = (verdict.Route?.Counters.Packets, verdict.Route?.Counters.Bytes);
        verdict.Apply(packet, ChecksumState.Complete, nowMilliseconds: 0);
        var expected = _output?.Build() ?? before;
        if (!expected.AsSpan().SequenceEqual(bytes))
            Assert.Fail($"{reproduce}\nexpected {Convert.ToHexString(expected)}\nactual   {Convert.ToHexString(bytes)}");
        if (_output is null)
            return;
        Assert.AreEqual(_egress, verdict.Route!.Egress, reproduce);
        Assert.AreEqual(packets + 1, verdict.Route.Counters.Packets, reproduce);
        Assert.AreEqual(octets + bytes.Length, verdict.Route.Counters.Bytes, reproduce);
    }
}
