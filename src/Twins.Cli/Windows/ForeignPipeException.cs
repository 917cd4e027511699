namespace Twins.Cli.Windows;

/// <summary>A pipe with the name of <c>twinsd</c>'s that neither the system nor an administrator nor this user has made.</summary>
internal sealed class ForeignPipeException(string message) : IOException(message);
