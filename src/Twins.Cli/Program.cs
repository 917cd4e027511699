using System.Runtime.InteropServices;
using Twins.Cli;

using var interrupted = new CancellationTokenSource();

// Commands clean up before they end: the signal asks, it doesn't kill.
using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
using PosixSignalRegistration onHangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Interrupt);

return await CommandTree.RunAsync(CliEnvironment.OfThisProcess(), args, interrupted.Token);

void Interrupt(PosixSignalContext context)
{
    context.Cancel = true;
    interrupted.Cancel();
}
