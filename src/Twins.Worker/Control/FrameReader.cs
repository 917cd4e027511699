using Google.Protobuf;
using Twins.Protocol;

namespace Twins.Worker;

/// <summary>Cuts a stream of octets into length-delimited requests. Bounded; any octets in, a request, a wait for more or an exception out.</summary>
internal sealed class FrameReader
{
    /// <summary>Octets of the largest message.</summary>
    public const int MaximumBytes = 4 << 20;

    private const int LengthBytes = 5;
    private byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;

    /// <summary>Where received octets go; then <see cref="Advance"/>.</summary>
    public Span<byte> Free
    {
        get
        {
            if (_start > 0)
            {
                _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
                (_start, _end) = (0, _end - _start);
            }

            if (_end == _buffer.Length)
                Array.Resize(ref _buffer, Math.Min(_buffer.Length * 4, MaximumBytes + LengthBytes));
            return _buffer.AsSpan(_end);
        }
    }

    /// <summary>Octets were received.</summary>
    public void Advance(int count) => _end += count;

    /// <summary>The next request, if it is there in full.</summary>
    /// <exception cref="InvalidDataException">Longer than allowed, or no request.</exception>
    public bool TryRead(out TwinRequest request)
    {
        request = null!;
        if (!TryReadLength(out var length, out var prefix) || _end - _start - prefix < length)
            return false;
        try
        {
            request = TwinRequest.Parser.ParseFrom(_buffer, _start + prefix, length);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new InvalidDataException("not a request", exception);
        }

        _start += prefix + length;
        return true;
    }

    private bool TryReadLength(out int length, out int prefix)
    {
        (length, prefix) = (0, 0);
        uint value = 0;
        while (_start + prefix < _end)
        {
            var octet = _buffer[_start + prefix];
            value |= (uint)(octet & 0x7F) << (7 * prefix);
            prefix++;
            if (value > MaximumBytes || (prefix == LengthBytes && octet >= 0x10))
                throw new InvalidDataException($"a message of more than {MaximumBytes} octets");
            if ((octet & 0x80) == 0)
            {
                length = (int)value;
                return true;
            }
        }

        return false;
    }
}
