using System.Globalization;

namespace Twins.Cli.Lab;

/// <summary>A machine of the lab.</summary>
/// <param name="Name">Its host name.</param>
/// <param name="Number">1, 2, 3 ... in the order outsiders, then nodes: the last part of its addresses.</param>
/// <param name="IsNode">True if it runs <c>twinsd</c>; an outsider doesn't.</param>
internal sealed record LabMachine(string Name, int Number, bool IsNode)
{
    public string IPv4 => string.Create(CultureInfo.InvariantCulture, $"10.77.0.{Number}");

    public string IPv6 => string.Create(CultureInfo.InvariantCulture, $"fd77::{Number:x}");

    public string Role => IsNode ? "node" : "outsider";
}
