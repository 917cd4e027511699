using System.Net.Sockets;
using Twins.Diversion;
using Twins.Manager.Cluster;
using Twins.Manager.Settings;
using Twins.Manager.Settings.Windows;
using Twins.Table;

namespace Twins.Manager;

/// <summary>From what was thrown to what the exit code says.</summary>
internal static class StartFailures
{
    /// <summary>The failure that an exception means, or null for one that nobody foresaw.</summary>
    public static StartFailure? Find(Exception exception) => exception switch
    {
        TableException => StartFailure.Table,
        ClusterException => StartFailure.Cluster,
        DiversionException => StartFailure.Diversion,
        SettingsException => StartFailure.Settings,
        OwnDirectoryException => StartFailure.Directory,
        IOException or SocketException or UnauthorizedAccessException => StartFailure.Socket,
        { InnerException: { } inner } => Find(inner),
        _ => null,
    };
}
