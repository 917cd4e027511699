using System.Security.Principal;
using Microsoft.AspNetCore.Http.Features;
using Twins.Manager.Access.Sessions;
using Twins.Manager.Audit;

namespace Twins.Manager.Access.Windows;

/// <summary>Who may call what by the pipe, as <see cref="PipeRights"/> has it.</summary>
/// <param name="readers">Name of the group that may read.</param>
internal sealed class PipeAccess(string readers, RefusalLog refusals, PageCallers page, AuditLog audit) : LocalAccess(refusals, page, audit)
{
    /// <inheritdoc/>
    protected override LocalCaller? Find(IFeatureCollection connection) => connection.Get<PipeCaller>()?.Caller;

    /// <inheritdoc/>
    public override string NameOf(LocalCaller caller)
    {
        try
        {
            return caller.User is { } user ? new SecurityIdentifier(user).Translate(typeof(NTAccount)).Value : caller.Name;
        }
        catch (SystemException e) when (e is not OutOfMemoryException)
        {
            // The account is gone, or its domain doesn't answer.
            return caller.Name;
        }
    }

    /// <inheritdoc/>
    protected override string ReaderSentence => "Your role here is reader. Administrators' logins may change things: run 'twins admin' elevated (Run as administrator).";

    /// <inheritdoc/>
    protected override string Sentence(AccessLevel level) => level == AccessLevel.Read
        ? $"Only administrators and members of the local group '{readers}' may see this: run it elevated (Run as administrator), or have an administrator run 'net localgroup \"{readers}\" USER /add' and sign in again."
        : "Only administrators may change things: run it elevated (Run as administrator).";
}
