using System.IO.Pipes;
using System.Runtime.Versioning;
using System.Security.Principal;

namespace Twins.Cli.Windows;

/// <summary>Connects to the pipe of this machine's <c>twinsd</c>.</summary>
[SupportedOSPlatform("windows")]
internal static class LocalPipe
{
    private const string Prefix = @"\\.\pipe\";

    // For the moment in which all instances are taken, not for a twinsd that is yet to start.
    private const int PatienceMilliseconds = 300;

    /// <exception cref="IOException">Nobody listens there, or somebody who isn't <c>twinsd</c> (<see cref="ForeignPipeException"/>), or this user
    /// may not open it (then the inner exception is an <see cref="UnauthorizedAccessException"/>).</exception>
    public static async Task<Stream> ConnectAsync(string path, CancellationToken cancellation)
    {
        // A pipe of another machine would be told who we are by the network's means.
        if (!path.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            throw new IOException($"{path} is no pipe of this machine; its name begins with {Prefix}");

        // Reading and writing only: the usual generic rights would ask for one, to make instances of the pipe, that no client is given.
        // twinsd may learn who calls, but can't act in the caller's name.
        var pipe = new NamedPipeClientStream(
            ".", path[Prefix.Length..], PipeAccessRights.ReadWrite, PipeOptions.Asynchronous, TokenImpersonationLevel.Identification, HandleInheritability.None);
        try
        {
            await pipe.ConnectAsync(PatienceMilliseconds, cancellation);
            RequireTrustedOwner(pipe, path);
            return pipe;
        }
        catch (Exception failure)
        {
            await pipe.DisposeAsync();
            if (failure is TimeoutException or UnauthorizedAccessException)
                throw new IOException($"{path}: {failure.Message}", failure);
            throw;
        }
    }

    // Anybody can make a pipe of that name while twinsd doesn't run. Its owner can't be forged, and can be read by everybody who may
    // connect; the server's process, by its number, can't be asked by users with fewer rights, and the number may be another's by then.
    private static void RequireTrustedOwner(NamedPipeClientStream pipe, string path)
    {
        var owner = (SecurityIdentifier?)pipe.GetAccessControl().GetOwner(typeof(SecurityIdentifier));
        using var identity = WindowsIdentity.GetCurrent();
        if (owner is null
            || !(owner.IsWellKnown(WellKnownSidType.LocalSystemSid) || owner.IsWellKnown(WellKnownSidType.BuiltinAdministratorsSid) || owner == identity.User))
        {
            throw new ForeignPipeException($"{path} was made by {owner?.Value ?? "nobody known"}, not by twinsd: somebody else answers there. End that program, then start twinsd.");
        }
    }
}
