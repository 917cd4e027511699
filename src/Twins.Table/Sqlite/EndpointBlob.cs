using System.Buffers.Binary;
using Twins.Packets;

namespace Twins.Table.Sqlite;

/// <summary>An endpoint as a column: the address's 4 or 16 octets, then the port, network order.</summary>
internal static class EndpointBlob
{
    private const int PortBytes = 2;

    public static byte[] Write(Endpoint endpoint)
    {
        var blob = new byte[endpoint.Address.Length + PortBytes];
        endpoint.Address.WriteTo(blob);
        BinaryPrimitives.WriteUInt16BigEndian(blob.AsSpan(endpoint.Address.Length), endpoint.Port);
        return blob;
    }

    /// <exception cref="FormatException">The blob has another length.</exception>
    public static Endpoint Read(byte[] blob)
    {
        if (blob.Length is not (4 + PortBytes) and not (16 + PortBytes))
            throw new FormatException($"An endpoint's column has 6 or 18 octets, not {blob.Length}.");
        return new Endpoint(
            InternetAddress.FromBytes(blob.AsSpan(0, blob.Length - PortBytes)),
            BinaryPrimitives.ReadUInt16BigEndian(blob.AsSpan(blob.Length - PortBytes)));
    }
}
