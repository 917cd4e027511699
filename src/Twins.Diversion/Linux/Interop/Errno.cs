using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>Error numbers of Linux that decide something here (errno(3), the values of x86-64 and arm64).</summary>
internal static class Errno
{
    public const int NotPermitted = 1;
    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int Again = 11;
    public const int NoMemory = 12;
    public const int AccessDenied = 13;
    public const int Busy = 16;
    public const int Exists = 17;
    public const int MessageSize = 90;
    public const int NetworkDown = 100;
    public const int NetworkUnreachable = 101;
    public const int NoBuffer = 105;
    public const int HostUnreachable = 113;

    public static DiversionException Last(string operation, string remedy = "") => Of(operation, Marshal.GetLastPInvokeError(), remedy);

    public static DiversionException Of(string operation, int code, string remedy = "")
    {
        if (remedy.Length == 0 && code is NotPermitted or AccessDenied)
            remedy = "it needs root, or CAP_NET_ADMIN and CAP_NET_RAW";
        return new DiversionException(operation, code, Marshal.GetPInvokeErrorMessage(code), remedy);
    }
}
