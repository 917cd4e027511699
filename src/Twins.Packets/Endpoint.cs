using System.Globalization;

namespace Twins.Packets;

/// <summary>An address and a TCP or UDP port (0 to 65535): one end of a connection.</summary>
public readonly record struct Endpoint(InternetAddress Address, ushort Port)
{
    /// <summary>Parses <c>10.77.0.2:80</c> or <c>[fd77::2]:80</c>.</summary>
    public static bool TryParse(string? text, out Endpoint endpoint)
    {
        endpoint = default;
        var colon = text?.LastIndexOf(':') ?? -1;
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            return false;
        var host = text![..colon];
        var bracketed = host.StartsWith('[') && host.EndsWith(']');
        if (!InternetAddress.TryParse(bracketed ? host[1..^1] : host, out var address) || address.IsIPv4 == bracketed)
            return false;
        endpoint = new Endpoint(address, port);
        return true;
    }

    /// <inheritdoc cref="TryParse"/>
    /// <exception cref="FormatException">The text is no endpoint.</exception>
    public static Endpoint Parse(string text) =>
        TryParse(text, out var endpoint) ? endpoint : throw new FormatException($"'{text}' is no endpoint (ADDRESS:PORT or [ADDRESS]:PORT).");

    /// <inheritdoc/>
    public override string ToString() => Address.IsIPv4
        ? string.Create(CultureInfo.InvariantCulture, $"{Address}:{Port}")
        : string.Create(CultureInfo.InvariantCulture, $"[{Address}]:{Port}");
}
