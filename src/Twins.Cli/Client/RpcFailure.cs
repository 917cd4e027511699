using System.Net.Sockets;
using Grpc.Core;
using Twins.Cli.Windows;

namespace Twins.Cli.Client;

/// <summary>Puts a failed call into the user's words and an exit code (contract: local.proto).</summary>
internal static class RpcFailure
{
    /// <summary>The failure as the user sees it.</summary>
    public static CliException Explain(RpcException failure, CliEnvironment environment)
    {
        Exception? cause = failure.Status.DebugException;
        if (Find<SocketException>(cause)?.SocketErrorCode == SocketError.AccessDenied || Find<UnauthorizedAccessException>(cause) is not null)
        {
            string remedy = OperatingSystem.IsWindows()
                ? "run it elevated (Run as administrator), or become a member of the group 'Twins Operators' to read"
                : "become root, or a member of the group twins to read";
            return new CliException(ExitCode.NotPermitted, "permission-denied",
                $"you may not talk to twinsd ({environment.SocketPath}): {remedy}",
                failure);
        }
        if (Find<ForeignPipeException>(cause) is { } foreign)
            return new CliException(ExitCode.Unreachable, "unreachable", foreign.Message, failure);
        string detail = failure.Status.Detail;
        return failure.StatusCode switch
        {
            StatusCode.Unavailable => new CliException(ExitCode.Unreachable, "unreachable",
                $"twinsd isn't running on this node, or doesn't answer on {environment.SocketPath}. {HowToStart(environment)}", failure),
            StatusCode.NotFound => new CliException(ExitCode.NotFound, "not-found", detail, failure),
            StatusCode.PermissionDenied => new CliException(ExitCode.NotPermitted, "permission-denied", detail, failure),
            StatusCode.InvalidArgument => new CliException(ExitCode.Usage, "invalid-argument", detail, failure),
            _ => new CliException(ExitCode.Failed, Kebab(failure.StatusCode), detail, failure),
        };
    }

    private static string HowToStart(CliEnvironment environment) => OperatingSystem.IsWindows()
        ? "Start it as an administrator: twins service start  (twins service install, where that is yet to be done)"
        : $"Start it as root: {environment.Installation.DaemonStart}  (to try Twins on one machine: twins lab up)";

    private static T? Find<T>(Exception? failure)
        where T : Exception
    {
        for (; failure is not null; failure = failure.InnerException)
        {
            if (failure is T found)
                return found;
        }
        return null;
    }

    private static string Kebab(StatusCode code) => string.Concat(code.ToString()
        .Select((c, i) => char.IsUpper(c) && i > 0 ? "-" + char.ToLowerInvariant(c) : char.ToLowerInvariant(c).ToString()));
}
