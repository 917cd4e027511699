using System.Runtime.ExceptionServices;

namespace Twins.Diversion.Linux;

/// <summary>Does something inside another network namespace (network_namespaces(7)).</summary>
public static class NetworkNamespace
{
    /// <summary>Runs the function on a thread of its own inside the namespace and waits for it. Sockets made there stay there.</summary>
    /// <param name="path">A bind mount or <c>/proc/PID/ns/net</c>; null: the caller's own namespace and thread.</param>
    /// <param name="function">What to do; its exception comes out here.</param>
    /// <exception cref="DiversionException">The namespace can't be entered.</exception>
    public static T Run<T>(string? path, Func<T> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        if (path is null)
            return function();
        T? result = default;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Enter(path);
                result = function();
            }
#pragma warning disable CA1031 // whatever it is, it is thrown again on the caller's thread
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        })
        { IsBackground = true, Name = "network namespace" };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result!;
    }

    /// <inheritdoc cref="Run{T}(string?, Func{T})"/>
    public static void Run(string? path, Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        Run(path, () =>
        {
            action();
            return true;
        });
    }

    private static void Enter(string path)
    {
        using var descriptor = LibC.Open(path, LibC.CloseOnExec);
        if (descriptor.IsInvalid)
            throw Errno.Last($"open network namespace {path}");
        if (LibC.SetNamespace(descriptor, LibC.CloneNewNetwork) != 0)
            throw Errno.Last($"enter network namespace {path}", "it needs CAP_SYS_ADMIN");
    }
}
