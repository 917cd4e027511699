using System.Runtime.InteropServices;

namespace Twins.Cli.Processes;

/// <summary>Several registrations that end together.</summary>
internal sealed class Signals(params PosixSignalRegistration[] registrations) : IDisposable
{
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in registrations)
            registration.Dispose();
    }
}
