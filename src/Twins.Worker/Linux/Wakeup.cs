using System.ComponentModel;
using System.Runtime.InteropServices;
using Twins.Diversion.Linux;

namespace Twins.Worker.Linux;

/// <summary>Wakes the data thread from poll(2) (eventfd(2)). <see cref="Set"/> may be called on any thread.</summary>
internal sealed unsafe class Wakeup : IDisposable
{
    private const int CloseOnExecAndNonBlocking = 0x80000 | 0x800;
    private readonly FileDescriptor _descriptor;

    public Wakeup()
    {
        var number = Native.EventDescriptor(0, CloseOnExecAndNonBlocking);
        if (number < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "eventfd");
        _descriptor = new FileDescriptor(number);
    }

    public int Number => _descriptor.Number;

    public void Set()
    {
        ulong one = 1;
        _ = Native.Write(Number, &one, sizeof(ulong));
    }

    public void Clear()
    {
        ulong value;
        _ = Native.Read(Number, &value, sizeof(ulong));
    }

    public void Dispose() => _descriptor.Dispose();
}
