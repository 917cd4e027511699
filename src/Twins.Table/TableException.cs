namespace Twins.Table;

/// <summary>The table's store failed: disk full, damaged file, missing rights. The message ends with the remedy.</summary>
public sealed class TableException : Exception
{
    /// <summary>Makes the exception of one failed operation.</summary>
    public TableException(string operation, int nativeCode, string cause, string remedy, Exception? inner = null)
        : base($"{operation} failed: {cause} {remedy}", inner)
    {
        Operation = operation;
        NativeCode = nativeCode;
        Remedy = remedy;
    }

    /// <summary>What was tried, in words.</summary>
    public string Operation { get; }

    /// <summary>SQLite's extended result code (sqlite.org/rescode.html); 0 if it wasn't SQLite that refused.</summary>
    public int NativeCode { get; }

    /// <summary>What to do about it: a sentence.</summary>
    public string Remedy { get; }
}
