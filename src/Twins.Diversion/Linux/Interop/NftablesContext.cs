using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>struct nft_ctx of libnftables(3). Its socket belongs to the network namespace in which it was made. For one thread at a time.</summary>
internal sealed partial class NftablesContext : SafeHandle
{
    private const string Library = "libnftables.so.1";

    // FD_SETSIZE, less what other threads may open meanwhile.
    private const int MostDescriptors = 1024 - 64;
    private const uint OutputStateless = 1 << 2;
    private const uint OutputNumericAll = 0b1111 << 7;

    public NftablesContext() : base(0, ownsHandle: true)
    {
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>To be called before this process has many descriptors open.</summary>
    /// <exception cref="DiversionException">No libnftables, no rights, or too many descriptors.</exception>
    public static NftablesContext Open()
    {
        RefuseHighDescriptor();
        try
        {
            var context = New(0);
            if (context.IsInvalid)
                throw new DiversionException("open libnftables", 0, "it gave no context");
            SetOutputFlags(context, OutputNumericAll | OutputStateless);
            BufferOutput(context);
            BufferError(context);
            return context;
        }
        catch (DllNotFoundException exception)
        {
            throw new DiversionException("open libnftables", 0, $"{Library} is missing", "install Debian's package libnftables1", exception);
        }
    }

    /// <summary>Runs commands as one transaction.</summary>
    /// <returns>Whether it was carried out; if not, <paramref name="error"/> has libnftables' words.</returns>
    public bool TryRun(string commands, out string output, out string error)
    {
        var result = Run(this, commands);
        output = Marshal.PtrToStringUTF8(GetOutput(this)) ?? "";
        error = Marshal.PtrToStringUTF8(GetError(this)) ?? "";
        return result == 0;
    }

    /// <summary>Whether the kernel would carry the commands out; nothing is changed.</summary>
    public bool WouldRun(string commands)
    {
        SetDryRun(this, true);
        try
        {
            return TryRun(commands, out _, out _);
        }
        finally
        {
            SetDryRun(this, false);
        }
    }

    protected override bool ReleaseHandle()
    {
        Free(handle);
        return true;
    }

    // libnftables waits for its socket with select(2), and glibc ends the whole program over a descriptor from FD_SETSIZE on.
    private static void RefuseHighDescriptor()
    {
        using var lowestFree = File.OpenHandle("/dev/null");
        if (lowestFree.DangerousGetHandle() >= MostDescriptors)
        {
            throw new DiversionException(
                "open libnftables", 0, $"this process has {MostDescriptors} descriptors open, and libnftables can't use a higher one", "start it again");
        }
    }

    [LibraryImport(Library, EntryPoint = "nft_ctx_new")]
    private static partial NftablesContext New(uint flags);

    [LibraryImport(Library, EntryPoint = "nft_ctx_free")]
    private static partial void Free(nint context);

    [LibraryImport(Library, EntryPoint = "nft_ctx_output_set_flags")]
    private static partial void SetOutputFlags(NftablesContext context, uint flags);

    [LibraryImport(Library, EntryPoint = "nft_ctx_set_dry_run")]
    private static partial void SetDryRun(NftablesContext context, [MarshalAs(UnmanagedType.U1)] bool dry);

    [LibraryImport(Library, EntryPoint = "nft_ctx_buffer_output")]
    private static partial int BufferOutput(NftablesContext context);

    [LibraryImport(Library, EntryPoint = "nft_ctx_buffer_error")]
    private static partial int BufferError(NftablesContext context);

    [LibraryImport(Library, EntryPoint = "nft_ctx_get_output_buffer")]
    private static partial nint GetOutput(NftablesContext context);

    [LibraryImport(Library, EntryPoint = "nft_ctx_get_error_buffer")]
    private static partial nint GetError(NftablesContext context);

    [LibraryImport(Library, EntryPoint = "nft_run_cmd_from_buffer", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Run(NftablesContext context, string commands);
}
