using System.ComponentModel;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twins.Manager.Cabins;

/// <summary>
/// Runs code inside a network namespace (network_namespaces(7)). The namespace is a property of the
/// thread, so the work is done on a thread of its own that ends with it: what it starts as a child,
/// opens as a socket or reads below /proc/sys/net belongs to that namespace. The code must stay
/// synchronous: after an await it would run on another thread.
/// </summary>
public static partial class NetworkNamespace
{
    private const int CloneNewNet = 0x40000000;
    private const ulong BindMount = 0x1000;
    private const int Detach = 2;

    /// <summary>Runs <paramref name="work"/> inside the namespace mounted at <paramref name="path"/>; <see langword="null"/> is the caller's own.</summary>
    /// <exception cref="Win32Exception">The path is no network namespace, or the caller is not root.</exception>
    public static T Run<T>(string? path, Func<T> work)
    {
        if (path is null)
            return work();
        return OnThread(() =>
        {
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read);
            Check(SetNamespace(handle, CloneNewNet), $"entering the network namespace {path}");
            return work();
        });
    }

    /// <inheritdoc cref="Run{T}"/>
    public static void Run(string? path, Action work) => Run(path, () =>
    {
        work();
        return true;
    });

    /// <summary>Makes a namespace with nothing but a loopback that is down, and keeps it alive by a bind mount at <paramref name="path"/>.</summary>
    /// <exception cref="Win32Exception">A system call failed; nothing is left behind.</exception>
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
                Check(Unshare(CloneNewNet), "making a network namespace");
                Check(Mount("/proc/thread-self/ns/net", path, null, BindMount, 0), $"mounting the network namespace at {path}");
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
    /// Removes the mount point. The namespace itself goes when its last process, socket and TUN
    /// descriptor are gone. Nothing happens when there is no such file.
    /// </summary>
    public static void Remove(string path)
    {
        if (!File.Exists(path))
            return;
        if (IsMounted(path))
            Check(Unmount(path, Detach), $"unmounting the network namespace at {path}");
        File.Delete(path);
    }

    /// <summary>Whether a namespace is mounted at the path, in the mount namespace of the caller.</summary>
    public static bool IsMounted(string path) =>
        File.ReadLines("/proc/self/mountinfo").Any(line =>
        {
            var fields = line.Split(' ');
            return fields[4] == path && line.Contains(" - nsfs ", StringComparison.Ordinal);
        });

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
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        }, 256 * 1024)
        { Name = "namespace", IsBackground = true };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    private static void Check(int result, string operation)
    {
        if (result != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            throw new Win32Exception(error, $"{operation}: {Marshal.GetPInvokeErrorMessage(error)}. This needs root (CAP_SYS_ADMIN).");
        }
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(SafeFileHandle handle, int type);

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string? type, ulong flags, nint data);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);
}
