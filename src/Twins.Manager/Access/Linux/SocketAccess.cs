using System.Globalization;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Twins.Manager.Access.Sessions;
using Twins.Manager.Audit;

namespace Twins.Manager.Access.Linux;

/// <summary>Who may call what on the Unix socket: root everything, the readers' group what shows something.</summary>
/// <param name="readers">Name of the group that may read.</param>
internal sealed class SocketAccess(string readers, RefusalLog refusals, PageCallers page, AuditLog audit) : LocalAccess(refusals, page, audit)
{
    /// <inheritdoc/>
    protected override LocalCaller? Find(IFeatureCollection connection)
    {
        if (connection.Get<IConnectionSocketFeature>() is not { } feature || PeerCredentials.Read(feature.Socket) is not { } caller)
            return null;
        var isRoot = caller.Uid == 0;
        return new LocalCaller($"User {caller.Uid}", caller.Pid, isRoot || (GroupDatabase.Find(readers) is { } group && caller.IsIn(group)), isRoot) { User = caller.Uid.ToString(CultureInfo.InvariantCulture) };
    }

    /// <inheritdoc/>
    public override string NameOf(LocalCaller caller) => caller.User is { } user ? UserDatabase.NameOf(uint.Parse(user, CultureInfo.InvariantCulture)) : caller.Name;

    /// <inheritdoc/>
    protected override string ReaderSentence => "Your role here is reader. Root's logins may change things: run 'sudo twins admin'.";

    /// <inheritdoc/>
    protected override string Sentence(AccessLevel level) => level == AccessLevel.Read
        ? $"Only root and members of the group {readers} may see this: run it with sudo, or have root run 'usermod -aG {readers} USER' and log in again."
        : "Only root may change things: run it with sudo.";
}
