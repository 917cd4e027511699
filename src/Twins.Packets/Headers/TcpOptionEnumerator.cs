namespace Twins.Packets;

/// <summary>
/// Walks a header's options (RFC 9293, 3.1): at most forty octets, so at most forty options. Ends at the end-of-options mark, at
/// the header's end, or at an option whose length is wrong; then <see cref="IsMalformed"/> says so.
/// </summary>
public ref struct TcpOptionEnumerator
{
    private const byte EndOfOptions = 0;
    private const byte NoOperation = 1;
    private Span<byte> _rest;

    internal TcpOptionEnumerator(Span<byte> options)
    {
        _rest = options;
        Current = default;
    }

    /// <summary>The option reached.</summary>
    public TcpOption Current { get; private set; }

    /// <summary>The walk ended at an option with a wrong length.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>For <c>foreach</c>.</summary>
    public readonly TcpOptionEnumerator GetEnumerator() => this;

    /// <summary>Steps to the next option.</summary>
    public bool MoveNext()
    {
        if (_rest.IsEmpty || _rest[0] == EndOfOptions)
            return false;
        if (_rest[0] == NoOperation)
        {
            Current = new TcpOption(NoOperation, default);
            _rest = _rest[1..];
            return true;
        }

        if (_rest.Length < 2 || _rest[1] < 2 || _rest[1] > _rest.Length)
        {
            IsMalformed = true;
            _rest = default;
            return false;
        }

        Current = new TcpOption(_rest[0], _rest[2.._rest[1]]);
        _rest = _rest[_rest[1]..];
        return true;
    }
}
