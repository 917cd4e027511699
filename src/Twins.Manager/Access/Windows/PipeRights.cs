using System.IO.Pipes;
using System.Security.AccessControl;
using System.Security.Principal;

namespace Twins.Manager.Access.Windows;

/// <summary>Who may do what by the pipe. Immutable: a group that is made later counts from the next start.</summary>
/// <param name="self">The user that <c>twinsd</c> runs as.</param>
/// <param name="readers">The group that may read; null: there is none.</param>
/// <param name="page">The user of the admin page's program, who may connect and nothing else; null: there is none.</param>
internal sealed class PipeRights(SecurityIdentifier self, SecurityIdentifier? readers, SecurityIdentifier? page = null)
{
    // What a client needs, and no more: with the right to make instances of the pipe it could answer in our place.
    private const PipeAccessRights Connect = PipeAccessRights.ReadWrite;

    private static readonly SecurityIdentifier LocalSystem = new(WellKnownSidType.LocalSystemSid, null);
    private static readonly SecurityIdentifier Administrators = new(WellKnownSidType.BuiltinAdministratorsSid, null);
    private static readonly SecurityIdentifier Network = new(WellKnownSidType.NetworkSid, null);

    public static PipeRights OfThisMachine(string readers)
    {
        using var identity = WindowsIdentity.GetCurrent();
        return new PipeRights(identity.User!, FindGroup(readers), new SecurityIdentifier(WellKnownSidType.LocalServiceSid, null));
    }

    /// <summary>The pipe's access list: whoever isn't in it, or comes from another machine, can't open the pipe.</summary>
    public PipeSecurity Security()
    {
        var security = new PipeSecurity();
        // A client looks at the owner before it says anything.
        security.SetOwner(Owner());
        security.SetAccessRuleProtection(isProtected: true, preserveInheritance: false);
        security.AddAccessRule(new PipeAccessRule(Network, PipeAccessRights.FullControl, AccessControlType.Deny));
        security.AddAccessRule(new PipeAccessRule(LocalSystem, PipeAccessRights.FullControl, AccessControlType.Allow));
        security.AddAccessRule(new PipeAccessRule(Administrators, PipeAccessRights.FullControl, AccessControlType.Allow));
        // Our own further instances ask for the last right.
        security.AddAccessRule(new PipeAccessRule(self, Connect | PipeAccessRights.CreateNewInstance, AccessControlType.Allow));
        if (readers is not null)
            security.AddAccessRule(new PipeAccessRule(readers, Connect, AccessControlType.Allow));
        // Other programs of this user are let in too, and are nobody.
        if (page is not null)
            security.AddAccessRule(new PipeAccessRule(page, Connect, AccessControlType.Allow));
        return security;
    }

    /// <summary>
    /// What the user of a token may. A group counts that is enabled in it: in that of an administrator who isn't elevated,
    /// Administrators only denies.
    /// </summary>
    /// <exception cref="System.Security.SecurityException">The token can't be asked.</exception>
    public LocalCaller Judge(WindowsIdentity identity, int pid)
    {
        var principal = new WindowsPrincipal(identity);
        var user = identity.User;
        var mayChange = user is not null && (user == LocalSystem || user == self || principal.IsInRole(Administrators));
        var mayRead = mayChange || (user is not null && readers is not null && principal.IsInRole(readers));
        return new LocalCaller($"User {user?.Value ?? "unknown"}", pid, mayRead, mayChange) { User = user?.Value };
    }

    // What the system takes by itself for an elevated process, and for SYSTEM, unless a policy says otherwise.
    private static SecurityIdentifier Owner()
    {
        using var identity = WindowsIdentity.GetCurrent();
        return new WindowsPrincipal(identity).IsInRole(Administrators) ? Administrators : identity.User!;
    }

    // Of this machine: a domain may have a group with the same name.
    private static SecurityIdentifier? FindGroup(string name)
    {
        try
        {
            return (SecurityIdentifier)new NTAccount(Environment.MachineName, name).Translate(typeof(SecurityIdentifier));
        }
        catch (IdentityNotMappedException)
        {
            return null;
        }
    }
}
