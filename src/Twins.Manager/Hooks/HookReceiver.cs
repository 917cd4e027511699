namespace Twins.Manager.Hooks;

/// <summary>Takes one message. False: it is none of the protocol.</summary>
/// <param name="octets">Valid during the call. Empty, or longer than a message, for what doesn't fit.</param>
/// <param name="sender">Who sent it, as the system says.</param>
internal delegate bool HookReceiver(ReadOnlySpan<byte> octets, HookSender sender);
