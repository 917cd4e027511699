using Twins.Manager.Checkpoint;

namespace Twins.Manager.Tests.Checkpoint;

[TestClass]
public sealed class TcpStreamImageTests
{
    // A connection with three octets unread, five written of which two have not been sent, and timestamps.
    private const string Image =
        "19435654 06554651 20000000" + // magic numbers, 32 octets
        "0803" + "1093a08206" +        // inq_len 3, inq_seq 12619795
        "1805" + "20ffffffff0f" +      // outq_len 5, outq_seq 4294967295
        "2807" + "3007" + "38b40b" + "4007" + // opt_mask 7, snd_wscale 7, mss_clamp 1460, rcv_wscale 7
        "48d285d8cc04" +               // timestamp 1234567890
        "6002" +                       // unsq_len 2
        "616263" + "6465666768";       // the queues

    [TestMethod]
    public void Image_OfAConnection_HasWhatTheSocketWouldSay()
    {
        var stream = Read(0x2a, Convert.FromHexString(Image.Replace(" ", "", StringComparison.Ordinal)));
        Assert.IsNotNull(stream);
        Assert.AreEqual(12619795u, stream.InqSeq);
        Assert.AreEqual(4294967293u, stream.SendNext());
        Assert.IsTrue(stream.HasTimestamps());
        Assert.AreEqual(1234567890u, stream.Timestamp);
    }

    [TestMethod]
    public void Image_WithAnotherMessage_KeepsWhatIsUnknownAndTheQueues()
    {
        var folder = Directory.CreateTempSubdirectory("tcp-stream").FullName;
        try
        {
            var path = Path.Combine(folder, "tcp-stream-2a.img");
            File.WriteAllBytes(path, Convert.FromHexString(Image.Replace(" ", "", StringComparison.Ordinal)));
            var stream = TcpStreamImage.TryRead(folder, 0x2a)!;
            stream.SndWl1 = 300;
            TcpStreamImage.Replace(folder, 0x2a, stream);
            // What is known comes first: three octets more, and then snd_wscale, mss_clamp and rcv_wscale.
            Assert.AreEqual(
                "1943565406554651" + "23000000" + "0803" + "1093a08206" + "1805" + "20ffffffff0f" + "2807" + "48d285d8cc04" + "6002" + "68ac02"
                + "3007" + "38b40b" + "4007" + "6162636465666768",
                Convert.ToHexStringLower(File.ReadAllBytes(path)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    [DataRow("another magic number", "19435654 06554652 00000000")]
    [DataRow("a message that isn't there", "19435654 06554651 22000000 0803")]
    [DataRow("a message of two gigabytes", "19435654 06554651 ffffff7f 0803")]
    [DataRow("no message", "19435654 06554651 02000000 ffff")]
    [DataRow("nothing", "")]
    public void AnythingElse_IsNoImage(string what, string octets) =>
        Assert.IsNull(Read(0x2a, Convert.FromHexString(octets.Replace(" ", "", StringComparison.Ordinal))), what);

    private static Protocol.Criu.CriuTcpStream? Read(ulong inode, byte[] octets)
    {
        var folder = Directory.CreateTempSubdirectory("tcp-stream").FullName;
        try
        {
            File.WriteAllBytes(Path.Combine(folder, "tcp-stream-2a.img"), octets);
            return TcpStreamImage.TryRead(folder, inode);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
