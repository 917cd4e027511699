using System.Runtime.ExceptionServices;

namespace Twins.Diversion.Linux;

/// <summary>
/// Makes network namespaces and does things in them (network_namespaces(7)). The namespace is a property of the thread, so the
/// work is done on a thread of its own that ends with it: what it starts as a child, opens as a socket or reads below
/// /proc/sys/net belongs to that namespace. The work must stay synchronous: after an await it would run on another thread.
/// </summary>
public static class NetworkNamespace
{
    private const string NeedsRoot = "it needs root (CAP_SYS_ADMIN)";

    /// <summary>Does the work inside the namespace and waits for it.</summary>
    /// <param name="path">A bind mount or <c>/proc/PID/ns/net</c>; null: the caller's own namespace and thread.</param>
    /// <param name="work">What to do; its exception comes out here.</param>
    /// <exception cref="DiversionException">The namespace can't be entered.</exception>
    public static T Run<T>(string? path, Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        return path is null ? work() : OnThread(() =>
        {
            using (var descriptor = LibC.Open(path, LibC.CloseOnExec))
            {
                if (descriptor.IsInvalid)
                    throw Errno.Last($"open network namespace {path}");
                Check(LibC.SetNamespace(descriptor, LibC.CloneNewNetwork), $"enter network namespace {path}");
            }

            return work();
        });
    }

    /// <inheritdoc cref="Run{T}(string?, Func{T})"/>
    public static void Run(string? path, Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        Run(path, () =>
        {
            work();
            return true;
        });
    }

    /// <summary>
    /// Brings the calling thread back to the program's own namespace. A thread is born in the namespace of the one that starts it, and
    /// the runtime starts threads of its own, those of the thread pool among them, on whichever thread first finds that they are wanted.
    /// </summary>
    /// <exception cref="DiversionException">It is in another one and can't leave it.</exception>
    public static void ComeBack()
    {
        // Elsewhere there is only one.
        if (!OperatingSystem.IsLinux())
            return;
        const string Own = "/proc/self/ns/net";
        if (File.ResolveLinkTarget("/proc/thread-self/ns/net", returnFinalTarget: false)?.Name == File.ResolveLinkTarget(Own, returnFinalTarget: false)?.Name)
            return;
        using var descriptor = LibC.Open(Own, LibC.CloseOnExec);
        if (descriptor.IsInvalid)
            throw Errno.Last("open the program's own network namespace");
        Check(LibC.SetNamespace(descriptor, LibC.CloneNewNetwork), "return to the program's own network namespace");
    }

    /// <summary>Makes a namespace with nothing but a loopback that is down, and keeps it alive by a bind mount.</summary>
    /// <param name="path">Where; its directory is made if it is missing.</param>
    /// <exception cref="IOException">There is a file of that name.</exception>
    /// <exception cref="DiversionException">The system refused; nothing is left behind.</exception>
    public static void Create(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using (File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write))
        {
            // An empty file is the mount point that an nsfs bind mount needs.
        }

        try
        {
            OnThread(() =>
            {
                Check(LibC.Unshare(LibC.CloneNewNetwork), "make a network namespace");
                Check(LibC.Mount("/proc/thread-self/ns/net", path, null, LibC.BindMount, 0), $"mount the network namespace at {path}");
                return true;
            });
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    /// <summary>
    /// Removes the mount point. The namespace itself goes when its last process, socket and TUN descriptor are gone. Nothing
    /// happens when there is no such file.
    /// </summary>
    /// <exception cref="DiversionException">The system refused.</exception>
    public static void Remove(string path)
    {
        if (!File.Exists(path))
            return;
        if (IsMounted(path))
            Check(LibC.Unmount(path, LibC.DetachMount), $"unmount the network namespace at {path}");
        File.Delete(path);
    }

    /// <summary>Whether a namespace is mounted at the path, in the mount namespace of the caller.</summary>
    public static bool IsMounted(string path) => File.ReadLines("/proc/self/mountinfo")
        .Any(line => line.Split(' ')[4] == path && line.Contains(" - nsfs ", StringComparison.Ordinal));

    private static T OnThread<T>(Func<T> work)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = work();
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
        return result;
    }

    private static void Check(int result, string operation)
    {
        if (result != 0)
            throw Errno.Last(operation, NeedsRoot);
    }
}
