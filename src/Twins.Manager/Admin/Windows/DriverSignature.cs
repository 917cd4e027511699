using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Twins.Manager.Admin;

/// <summary>
/// What Windows says of the signatures in the driver's file. WinDivert's has two, its author's and Microsoft's, of which one is enough.
/// Without windows and without the network, so a root certificate that Windows hasn't fetched yet is missing. The last word has the kernel, when the driver is loaded.
/// </summary>
internal static unsafe partial class DriverSignature
{
    // DRIVER_ACTION_VERIFY and WINTRUST_ACTION_GENERIC_VERIFY_V2 (softpub.h): drivers by Microsoft's signature, and anything by its signature.
    private static readonly Guid[] Actions = [new("F750E6C3-38EE-11D1-85E5-00C04FC295EE"), new("00AAC56B-CD44-11D0-8CC2-00C04FC295EE")];

    private const uint MaximumSignatures = 8;
    private const int NoUser = -1;                    // INVALID_HANDLE_VALUE
    private const uint NoWindow = 2;                  // WTD_UI_NONE
    private const uint OfAFile = 1;                   // WTD_CHOICE_FILE
    private const uint StateVerify = 1;               // WTD_STATEACTION_VERIFY
    private const uint StateClose = 2;                // WTD_STATEACTION_CLOSE
    private const uint NoNetwork = 0x1000 | 0x10;     // WTD_CACHE_ONLY_URL_RETRIEVAL, WTD_REVOCATION_CHECK_NONE
    private const uint OneSignature = 0x1 | 0x2;      // WSS_VERIFY_SPECIFIC, WSS_GET_SECONDARY_SIG_COUNT

    /// <summary>Whether a signature in the file is valid here.</summary>
    public static Finding Find(string path)
    {
        if (!File.Exists(path))
            return Finding.Warning($"{path} is missing, and its signature with it", "As windivert-files says.");
        var first = 0;
        var count = 1u;
        for (var index = 0u; index < Math.Min(count, MaximumSignatures); index++)
        {
            foreach (var action in Actions)
            {
                var code = Verify(path, action, index, out var others);
                if (code == 0)
                    return Finding.Ok($"the signature of {path} is valid");
                first = first == 0 ? code : first;
                count = Math.Max(count, 1 + others);
            }
        }

        return Finding.Warning(
            $"Windows doesn't find the signature of {path} valid: {Marshal.GetPInvokeErrorMessage(first)} (0x{first:X8})",
            "If packet-diversion is ok, nothing. Otherwise update Windows and its root certificates.");
    }

    private static int Verify(string path, Guid action, uint index, out uint others)
    {
        fixed (char* name = path)
        {
            var file = new TrustFile { Size = (uint)Unsafe.SizeOf<TrustFile>(), Path = name };
            var settings = new TrustSignature { Size = (uint)Unsafe.SizeOf<TrustSignature>(), Index = index, Flags = OneSignature };
            var data = new TrustData
            {
                Size = (uint)Unsafe.SizeOf<TrustData>(),
                UserInterface = NoWindow,
                Choice = OfAFile,
                File = &file,
                StateAction = StateVerify,
                Flags = NoNetwork,
                Signature = &settings,
            };
            var code = WinVerifyTrust(NoUser, &action, &data);
            others = settings.SecondaryCount;
            data.StateAction = StateClose;
            _ = WinVerifyTrust(NoUser, &action, &data);
            return code;
        }
    }

    [LibraryImport("wintrust")]
    private static partial int WinVerifyTrust(nint window, Guid* action, TrustData* data);

    /// <summary>WINTRUST_DATA (wintrust.h).</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct TrustData
    {
        public uint Size;
        public void* PolicyData;
        public void* SubjectData;
        public uint UserInterface;
        public uint Revocation;
        public uint Choice;
        public TrustFile* File;
        public uint StateAction;
        public nint State;
        public char* Url;
        public uint Flags;
        public uint Context;
        public TrustSignature* Signature;
    }

    /// <summary>WINTRUST_FILE_INFO.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct TrustFile
    {
        public uint Size;
        public char* Path;
        public nint Handle;
        public Guid* KnownSubject;
    }

    /// <summary>WINTRUST_SIGNATURE_SETTINGS.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct TrustSignature
    {
        public uint Size;
        public uint Index;
        public uint Flags;
        public uint SecondaryCount;
        public uint VerifiedIndex;
        public void* CryptographyPolicy;
    }
}
