namespace Twins.Manager.Settings.Windows;

/// <summary>A directory of ours can't be made, or belongs to somebody else; the message says what to do.</summary>
internal sealed class OwnDirectoryException(string message, Exception? inner = null) : Exception(message, inner);
