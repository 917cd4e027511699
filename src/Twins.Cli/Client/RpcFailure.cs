using System.Net.Sockets;
using Grpc.Core;

namespace Twins.Cli.Client;

/// <summary>Puts a failed call into the user's words and an exit code (contract: local.proto).</summary>
internal static class RpcFailure
{
    /// <summary>The failure as the user sees it.</summary>
    public static CliException Explain(RpcException failure, CliEnvironment environment)
    {
        SocketException? socket = FindSocketError(failure.Status.DebugException);
        if (socket?.SocketErrorCode == SocketError.AccessDenied)
        {
            return new CliException(ExitCode.NotPermitted, "permission-denied",
                $"you may not talk to twinsd ({environment.SocketPath}): become root, or a member of the group twins to read",
                failure);
        }
        string detail = failure.Status.Detail;
        return failure.StatusCode switch
        {
            StatusCode.Unavailable => new CliException(ExitCode.Unreachable, "unreachable",
                $"twinsd isn't running on this node, or doesn't answer on {environment.SocketPath}. " +
                $"Start it as root: {environment.Installation.Daemon}  (to try Twins on one machine: twins lab up)", failure),
            StatusCode.NotFound => new CliException(ExitCode.NotFound, "not-found", detail, failure),
            StatusCode.PermissionDenied => new CliException(ExitCode.NotPermitted, "permission-denied", detail, failure),
            StatusCode.InvalidArgument => new CliException(ExitCode.Usage, "invalid-argument", detail, failure),
            _ => new CliException(ExitCode.Failed, Kebab(failure.StatusCode), detail, failure),
        };
    }

    private static SocketException? FindSocketError(Exception? failure)
    {
        for (; failure is not null; failure = failure.InnerException)
        {
            if (failure is SocketException socket)
                return socket;
        }
        return null;
    }

    private static string Kebab(StatusCode code) => string.Concat(code.ToString()
        .Select((c, i) => char.IsUpper(c) && i > 0 ? "-" + char.ToLowerInvariant(c) : char.ToLowerInvariant(c).ToString()));
}
