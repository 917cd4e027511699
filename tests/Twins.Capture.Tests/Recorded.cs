using Twins.Packets;

namespace Twins.Capture.Tests;

/// <summary>
/// Packets of a real capture: redis-server moved from home (10.77.0.2) to host1 (10.77.0.3) in the lab while a redis-cli on the peer
/// (10.77.0.1) counted. Linux cooked headers, as <c>any</c> gives them, cut where the data begin. Times are nanoseconds of that second.
/// </summary>
internal static class Recorded
{
    public const int Cooked = 113;

    public const string Connection = "tcp/10.77.0.1:36530<->10.77.0.2:6379";

    /// <summary>Peer to home, 21 octets of data, before the move.</summary>
    public const string Request = "0000000100060aa22c5438d80000080045000049b58640004006708c0a4d00010a4d00028eb218ebb2940c839e21fd058018003f14d800000101080a49f3c30a106f5d62";

    /// <summary>The same request as a twin tells of it, held: IP header first.</summary>
    public const string HeldIp = "45000049b5ae4000400670640a4d00010a4d00028eb218ebb2940e279e21fd618018003f14d800000101080a49f3cb16106f6574";

    /// <summary>And as the interface saw it come.</summary>
    public const string Held = "0000000100060aa22c5438d800000800" + HeldIp;

    /// <summary>And as it left home, when it was released.</summary>
    public const string Released = "0004000100060ec3a9274cce0000080045000049b5ae4000400670620a4d00020a4d0003ee48ee48b2940e279e21fd618018003fb25600000101080a49f3cb16106f6574";

    /// <summary>The answer, from the host.</summary>
    public const string Answer = "000000010006aa75ec0c9f8f000008004500003930c540004006f55b0a4d00030a4d0002ee48ee489e21fd61b2940e3c80180040271800000101080a106f661b49f3cb16";

    /// <summary>And rewritten, to the peer.</summary>
    public const string AnswerRewritten = "0004000100060ec3a9274cce000008004500003930c540004006f55d0a4d00020a4d000118eb8eb29e21fd61b2940e3c801800405c0e00000101080a106f661b49f3cb16";

    /// <summary>The restored socket's first word from the host: one octet back.</summary>
    public const string Probe = "000000010006aa75ec0c9f8f000008004500003430c440004006f5610a4d00030a4d0002ee48ee489e21fd60b2940e2780100040b29200000101080a106f660d00000000";

    public static readonly CaptureInterface Any = new("any", Cooked, 256);

    public static readonly Endpoint Peer = Endpoint.Parse("10.77.0.1:36530");
    public static readonly Endpoint Home = Endpoint.Parse("10.77.0.2:6379");
    public static readonly Endpoint HomeLeg = Endpoint.Parse("10.77.0.2:61000");
    public static readonly Endpoint HostLeg = Endpoint.Parse("10.77.0.3:61000");

    public static byte[] Bytes(string hex) => Convert.FromHexString(hex);

    public static CapturedFrame Frame(string hex, long nanoseconds, int length, FrameDirection direction = FrameDirection.Unknown) =>
        new(Any, nanoseconds, Bytes(hex), length, direction);

    public static PacketFacts Facts(string hex)
    {
        PacketDecoder.Decode(Cooked, Bytes(hex), out var facts);
        return facts ?? throw new AssertFailedException("no packet");
    }
}
