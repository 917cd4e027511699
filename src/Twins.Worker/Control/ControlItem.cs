using Twins.Diversion.Linux;
using Twins.Protocol;

namespace Twins.Worker;

/// <summary>Something for the data thread to do: a request, or (without one) a new connection to report to.</summary>
internal sealed record ControlItem(ControlConnection Connection, TwinRequest? Request, FileDescriptor? Descriptor);
