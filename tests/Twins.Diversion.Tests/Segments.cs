using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Twins.Packets;

namespace Twins.Diversion.Tests;

/// <summary>TCP segments from 10.99.0.2:7000 to 10.99.0.3:61000 in native memory, with complete checksums.</summary>
internal sealed unsafe class Segments : IDisposable
{
    // TTL 64, do not fragment, identification 0xFFFE, sequence number 0xFFFFFF00: both wrap.
    private static readonly byte[] Headers = Convert.FromHexString("45000000FFFE400040060000" + "0A630002" + "0A630003" + "1B58EE48" + "FFFFFF00" + "00000001" + "5010" + "0200" + "00000000");
    private readonly byte* _memory = (byte*)NativeMemory.AllocZeroed(64 * 2048);

    public PacketView this[int index] =>
        PacketView.TryParse(new Span<byte>(_memory + (index * 2048), 2048), out var packet, out var fault) ? packet : throw new InvalidOperationException(fault.ToString());

    /// <summary>Makes the segment with this number of segments of <paramref name="spacing"/> octets each before it.</summary>
    public void Put(int index, int spacing, int payload, byte flags)
    {
        var segment = new Span<byte>(_memory + (index * 2048), 40 + payload);
        Headers.CopyTo(segment);
        BinaryPrimitives.WriteUInt16BigEndian(segment[2..], (ushort)segment.Length);
        BinaryPrimitives.WriteUInt16BigEndian(segment[4..], unchecked((ushort)(0xFFFE + index)));
        BinaryPrimitives.WriteUInt32BigEndian(segment[24..], unchecked((uint)(0xFFFFFF00L + (index * spacing))));
        segment[33] = flags;
        new Random(index).NextBytes(segment[40..]);
        FinishChecksums(index);
    }

    public void FinishChecksums(int index)
    {
        var packet = this[index];
        BinaryPrimitives.WriteUInt16BigEndian(packet.Bytes[10..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(packet.Bytes[10..], InternetChecksum.Compute(packet.Bytes[..20]));
        packet.FinishChecksum();
    }

    public void Dispose() => NativeMemory.Free(_memory);
}
