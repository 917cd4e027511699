using Twins.Diversion.Linux;
using Twins.Protocol;

namespace Twins.Worker;

/// <summary>Something for the data thread to do.</summary>
internal sealed record ControlItem(ControlConnection Connection, TwinRequest Request, FileDescriptor? Descriptor);
