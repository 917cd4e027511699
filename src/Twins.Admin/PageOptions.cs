using System.Globalization;

namespace Twins.Admin;

/// <summary>What <c>twinsd</c>, which starts this program, tells it.</summary>
/// <param name="Port">TCP port on 127.0.0.1.</param>
/// <param name="Socket">The local API of <c>twinsd</c>.</param>
internal sealed record PageOptions(int Port, string Socket)
{
    /// <summary>Reads the command line; null: it is wrong.</summary>
    public static PageOptions? TryRead(string[] arguments) =>
        arguments is ["--port", var text, "--socket", var socket] && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and < 65536
            ? new PageOptions(port, socket) : null;
}
