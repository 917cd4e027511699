using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Admin.Page.Windows;

/// <summary>The environment that the machine gives to every program of a user; nothing of ours.</summary>
internal static unsafe partial class PageEnvironment
{
    // Nobody looks inside, as a debugger or otherwise.
    private const string Added = "DOTNET_EnableDiagnostics=0";

    /// <summary>As CreateProcess takes it: variables in the order of their names, a zero behind each, and another one behind the last.</summary>
    /// <exception cref="Win32Exception">Windows doesn't give it.</exception>
    public static char[] Of(SafeAccessTokenHandle token)
    {
        if (!CreateEnvironmentBlock(out var block, token, inherit: false))
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        try
        {
            var variables = new List<string> { Added };
            for (var at = block; *at != 0; at += variables[^1].Length + 1)
                variables.Add(new string(at));
            return [.. variables.Order(StringComparer.OrdinalIgnoreCase).SelectMany(variable => variable + '\0'), '\0'];
        }
        finally
        {
            _ = DestroyEnvironmentBlock(block);
        }
    }

    [LibraryImport("userenv", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CreateEnvironmentBlock(out char* block, SafeAccessTokenHandle token, [MarshalAs(UnmanagedType.Bool)] bool inherit);

    [LibraryImport("userenv")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool DestroyEnvironmentBlock(char* block);
}
