namespace Twins.Manager.Pool;

/// <summary>Reads messages that are each preceded by their length as a varint (Protocol Buffers' delimited form).</summary>
internal sealed class DelimitedReader(Stream stream, int maximumBytes)
{
    private readonly byte[] _one = new byte[1];
    private byte[] _buffer = new byte[4096];

    /// <summary>The next message, valid until the next call; null at the end of the stream.</summary>
    /// <exception cref="IOException">The stream ended inside a message, or the message is larger than allowed.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellation = default)
    {
        var length = 0L;
        for (var shift = 0; ; shift += 7)
        {
            if (await stream.ReadAsync(_one, cancellation) == 0)
                return shift == 0 ? null : throw new EndOfStreamException("The stream ended inside a message's length.");
            length |= (long)(_one[0] & 0x7F) << shift;
            if ((_one[0] & 0x80) == 0)
                break;
            if (shift > 21)
                throw new IOException("A message's length has too many octets.");
        }

        if (length > maximumBytes)
            throw new IOException($"A message of {length} bytes is larger than the {maximumBytes} allowed.");
        if (_buffer.Length < length)
            _buffer = new byte[length];
        await stream.ReadExactlyAsync(_buffer.AsMemory(0, (int)length), cancellation);
        return _buffer.AsMemory(0, (int)length);
    }
}
