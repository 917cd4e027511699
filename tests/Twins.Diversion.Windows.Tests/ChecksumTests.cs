using CsCheck;
using Twins.Packets;
using Twins.Packets.Tests;
using Check = Twins.Packets.Tests.Check;

namespace Twins.Diversion.Windows.Tests;

/// <summary>Sums and headers as the real DLL computes and reads them.</summary>
[TestClass]
public sealed class ChecksumTests
{
    private static readonly string[][] Ends = [["192.0.2.1:5", "192.0.2.2:6"], ["[2001:db8::1]:5", "[2001:db8::2]:6"]];

    [TestMethod]
    [DataRow(0, IpProtocol.Tcp)]
    [DataRow(0, IpProtocol.Udp)]
    [DataRow(1, IpProtocol.Tcp)]
    [DataRow(1, IpProtocol.Udp)]
    public void FinishedSum_IsThatOfTheDll(int family, IpProtocol protocol) => Gen.Select(Gen.Byte.Array[0, 1460], Gen.UInt).Sample(
        (payload, noise) =>
        {
            var builder = protocol == IpProtocol.Tcp ? PacketBuilder.Tcp(Ends[family][0], Ends[family][1]).Sequence(noise) : PacketBuilder.Udp(Ends[family][0], Ends[family][1]);
            var ours = builder.Payload(payload).Build();
            // What was left to offload holds anything.
            var offset = ours.Length - Check.Parsed(ours).Transport.Length + (protocol == IpProtocol.Tcp ? 16 : 6);
            (ours[offset], ours[offset + 1]) = ((byte)noise, (byte)(noise >> 8));
            var theirs = ours.ToArray();
            Assert.IsTrue(WinDivertFunctions.Finish(theirs));
            Check.Parsed(ours).FinishChecksum();
            Check.SameBytes(theirs, ours);
        },
        iter: 1000,
        threads: 1);

    [TestMethod]
    public void RewrittenPacket_HasTheSumsThatTheDllComputes() => Gen.Select(Gen.Byte.Array[0, 200], Gen.UInt, Gen.UShort).Sample(
        (payload, address, port) =>
        {
            var ours = PacketBuilder.Tcp(Ends[0][0], Ends[0][1]).Payload(payload).Build();
            Check.Parsed(ours).Rewrite(
                new FiveTuple(IpProtocol.Tcp, Endpoint.Parse("10.77.0.2:61001"), new Endpoint(InternetAddress.FromIPv4(address), port)), ChecksumState.Complete);
            var theirs = ours.ToArray();
            Assert.IsTrue(WinDivertFunctions.Finish(theirs));
            Check.SameBytes(theirs, ours);
        },
        iter: 1000,
        threads: 1);
}
