namespace Twins.Diversion;

/// <summary>The operating system refused something that diversion needs.</summary>
public sealed class DiversionException : Exception
{
    /// <summary>What was tried, the system's error and what to do about it.</summary>
    /// <param name="operation">What was tried, e.g. <c>bind queue 7</c>.</param>
    /// <param name="nativeCode">errno on Linux, the Win32 error on Windows; 0 if there is none.</param>
    /// <param name="reason">The system's own words.</param>
    /// <param name="remedy">What the user can do; empty if nothing is known.</param>
    /// <param name="inner">The cause, if it was an exception.</param>
    public DiversionException(string operation, int nativeCode, string reason, string remedy = "", Exception? inner = null)
        : base($"{operation}: {reason}{(nativeCode == 0 ? "" : $" (error {nativeCode})")}{(remedy.Length == 0 ? "" : $"; {remedy}")}", inner)
    {
        Operation = operation;
        NativeCode = nativeCode;
        Remedy = remedy;
    }

    /// <summary>What was tried.</summary>
    public string Operation { get; }

    /// <summary>errno on Linux, the Win32 error on Windows; 0 if there is none.</summary>
    public int NativeCode { get; }

    /// <summary>What the user can do; empty if nothing is known.</summary>
    public string Remedy { get; }
}
