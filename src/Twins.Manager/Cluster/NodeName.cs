using System.Text.RegularExpressions;

namespace Twins.Manager.Cluster;

/// <summary>
/// Names of nodes: what a DNS name in a certificate may be (RFC 5280, 4.2.1.6; RFC 1123, 2.1), in lower case, so that two
/// spellings of one name don't exist.
/// </summary>
internal static partial class NodeName
{
    public const string Pattern = "^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?\\z";

    public const string Allowed = "1 to 63 of a-z, 0-9, '-' and '.', first and last a letter or digit";

    public static bool IsValid(string? name) =>
        name is not null && Name().IsMatch(name) && !name.Contains("..", StringComparison.Ordinal) && !AllDigitsAndDots(name);

    /// <summary>The host's name as a node name; <c>node</c> when nothing of it is left.</summary>
    public static string OfThisHost()
    {
        var name = NotAllowed().Replace(Environment.MachineName.ToLowerInvariant(), "-").Trim('-', '.');
        return IsValid(name) ? name : "node";
    }

    // It would be taken for an IP address when a certificate's name is compared.
    private static bool AllDigitsAndDots(string name) => name.All(character => char.IsAsciiDigit(character) || character == '.');

    [GeneratedRegex(Pattern, RegexOptions.CultureInvariant)]
    private static partial Regex Name();

    [GeneratedRegex("[^a-z0-9.-]", RegexOptions.CultureInvariant)]
    private static partial Regex NotAllowed();
}
